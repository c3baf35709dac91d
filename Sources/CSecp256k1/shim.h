#include <secp256k1.h>
#include <secp256k1_recovery.h>

// Flags made of shifts and ors, which do not come through the import as they are.
static inline secp256k1_context *gondola_secp256k1_context(void) {
    return secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
}

// 65 bytes: 0x04, x, y.
static inline int gondola_secp256k1_serialize(
    const secp256k1_context *context, unsigned char *output65, const secp256k1_pubkey *key) {
    size_t length = 65;
    return secp256k1_ec_pubkey_serialize(context, output65, &length, key, SECP256K1_EC_UNCOMPRESSED);
}
