"""Makes wallet-vectors.json anew: what an independent implementation says of keys, texts and payments.

python3 -m venv venv && venv/bin/pip install eth-account==0.14.0 && venv/bin/python wallet-vectors.py > wallet-vectors.json
"""
import importlib.metadata as versions
import json
import sys

from eth_account import Account
from eth_account.messages import encode_defunct
from eth_utils import keccak

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
# The smallest and the largest, both sides of the middle, leading zeros, one in a single bit, and some of no kind.
KEYS = [
    1, 2, 3, ORDER - 1, ORDER - 2, (ORDER - 1) // 2, (ORDER + 1) // 2, 1 << 255, 0xFF, int("46" * 32, 16),
    int.from_bytes(keccak(text="gondola one"), "big"), int.from_bytes(keccak(text="gondola two"), "big"),
]


def sign_in(address, nonce, issued, expires):
    return (
        f"api.venice.ai wants you to sign in with your Ethereum account:\n{address}\n\nSign in to Venice AI\n\n"
        f"URI: https://api.venice.ai\nVersion: 1\nChain ID: 8453\nNonce: {nonce}\nIssued At: {issued}\n"
        f"Expiration Time: {expires}"
    )


def wallet(number, key):
    account = Account.from_key(key.to_bytes(32, "big"))
    texts = [
        "", "Some data",
        sign_in(account.address, f"{number:016x}", f"2027-01-15T08:00:{number:02d}.000Z",
                f"2027-01-15T08:04:{number:02d}.000Z"),
        "Grüße aus Venedig 🚣 \u0000 中文", "x" * 200,
    ]
    return {
        "key": key.to_bytes(32, "big").hex(), "address": account.address,
        "publicKey": "04" + account._key_obj.public_key.to_bytes().hex(),
        "signatures": [
            {"message": text, "signature": account.sign_message(encode_defunct(text=text)).signature.to_0x_hex()}
            for text in texts
        ],
    }


def payment(key, value, nonce):
    """EIP-3009's TransferWithAuthorization of USDC on Base, signed by EIP-712."""
    account = Account.from_key(key.to_bytes(32, "big"))
    domain = {
        "name": "USD Coin", "version": "2", "chainId": 8453,
        "verifyingContract": "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913",
    }
    names = ["from", "to", "value", "validAfter", "validBefore", "nonce"]
    kinds = ["address", "address", "uint256", "uint256", "uint256", "bytes32"]
    types = {"TransferWithAuthorization": [{"name": n, "type": k} for n, k in zip(names, kinds)]}
    to = "0x0000000000000000000000000000000000000402"
    message = dict(zip(names, [account.address, to, value, 0, 1_900_000_000, nonce]))
    signed = Account.sign_typed_data(account.key, domain, types, message)
    return {
        "from": account.address, "to": to, "value": str(value), "validAfter": "0", "validBefore": "1900000000",
        "nonce": "0x" + nonce.hex(), "signature": signed.signature.to_0x_hex(),
    }


def version(name):
    return f"{name} {versions.version(name)}"


lengths = [0, 1, 3, 31, 32, 55, 56, 64, 135, 136, 137, 200, 255, 256, 271, 272, 273, 1000]
messages = [bytes(i % 256 if n <= 256 else i % 251 for i in range(n)) for n in lengths]
json.dump(
    {
        "origin": f"wallet-vectors.py with {version('eth-account')}, {version('eth-keys')}, {version('eth-hash')} and "
        f"{version('pycryptodome')}",
        "keys": [wallet(number, key) for number, key in enumerate(KEYS)],
        "payments": [
            payment(key, value, keccak(text=f"{number} {value}"))
            for number, key in enumerate(KEYS[-3:]) for value in (5_000_000, 12_340_000, 10_000_000_000)
        ],
        "keccak256": [{"hex": message.hex(), "digest": keccak(message).hex()} for message in messages],
    },
    sys.stdout, indent=1)
