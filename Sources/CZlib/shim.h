#include <string.h>
#include <zlib.h>

// Undoes one gzip stream in one go. Returns Z_STREAM_END when it was whole and fitted; `written` says how much came out.
static inline int gondola_gunzip(
    const unsigned char *input, unsigned int inputLength, unsigned char *output, unsigned int outputLength,
    unsigned int *written) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    int result = inflateInit2(&stream, 16 + MAX_WBITS);
    if (result != Z_OK) return result;
    stream.next_in = (unsigned char *)input;
    stream.avail_in = inputLength;
    stream.next_out = output;
    stream.avail_out = outputLength;
    result = inflate(&stream, Z_FINISH);
    *written = outputLength - stream.avail_out;
    inflateEnd(&stream);
    return result;
}

// How many bytes gzip of so many may take at most, whatever they are.
static inline unsigned long gondola_gzip_bound(unsigned long length) { return compressBound(length) + 32; }

// Makes one gzip stream in one go, fast rather than small. Returns Z_STREAM_END when it fitted.
static inline int gondola_gzip(
    const unsigned char *input, unsigned int inputLength, unsigned char *output, unsigned int outputLength,
    unsigned int *written) {
    z_stream stream;
    memset(&stream, 0, sizeof stream);
    int result = deflateInit2(&stream, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
    if (result != Z_OK) return result;
    stream.next_in = (unsigned char *)input;
    stream.avail_in = inputLength;
    stream.next_out = output;
    stream.avail_out = outputLength;
    result = deflate(&stream, Z_FINISH);
    *written = outputLength - stream.avail_out;
    deflateEnd(&stream);
    return result;
}
