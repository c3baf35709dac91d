"""Media types of the API that schemathesis does not know."""

import schemathesis


@schemathesis.serializer("application/offset+octet-stream")
def octets(context, value):
    return value if isinstance(value, bytes) else str(value).encode()
