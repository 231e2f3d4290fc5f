// The one door to Debian's libsecp256k1 (BIP-340 Schnorr, x-only keys, ECDH, recoverable ECDSA). Declares nothing of its own.
#pragma once
#include <secp256k1.h>
#include <secp256k1_ecdh.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
#include <secp256k1_recovery.h>
