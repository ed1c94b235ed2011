// OpenSSL 3, and as functions what it has as macros, which Swift does not import.
#ifndef APUS_COPENSSL_H
#define APUS_COPENSSL_H
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#endif
