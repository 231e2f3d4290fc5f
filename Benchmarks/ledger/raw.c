/* The floor for the ledger: SQLite and libsecp256k1 without anything of ours, on the same disk and machine.
   It must never do more than the least that could be called a durable commit, or a signature. */
#include <secp256k1.h>
#include <secp256k1_extrakeys.h>
#include <secp256k1_schnorrsig.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The wall's, unless what is wanted is CPU seconds. */
static clockid_t clock_of = CLOCK_MONOTONIC;

static double now(void) {
    struct timespec t;
    clock_gettime(clock_of, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void must(int ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s failed\n", what);
    exit(1);
}

/* One row a commit, WAL, synchronous=FULL. */
static void commits(const char *path, int count) {
    sqlite3 *db;
    sqlite3_stmt *insert;
    char payload[256];
    memset(payload, 'x', sizeof payload);
    must(sqlite3_open(path, &db) == SQLITE_OK, "open");
    must(sqlite3_exec(db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE t (id INTEGER PRIMARY KEY, payload BLOB)",
                      NULL, NULL, NULL) == SQLITE_OK, "create");
    must(sqlite3_prepare_v2(db, "INSERT INTO t (payload) VALUES (?)", -1, &insert, NULL) == SQLITE_OK, "prepare");
    double began = now();
    for (int i = 0; i < count; i++) {
        must(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK, "begin");
        sqlite3_bind_blob(insert, 1, payload, sizeof payload, SQLITE_STATIC);
        must(sqlite3_step(insert) == SQLITE_DONE, "insert");
        sqlite3_reset(insert);
        must(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) == SQLITE_OK, "commit");
    }
    printf("{\"per_second\":%.1f}\n", count / (now() - began));
    sqlite3_finalize(insert);
    sqlite3_close(db);
}

/* BIP-340 as libsecp256k1's own benchmark does it; `parse` adds reading the key, which every caller with bytes must do. */
static void signatures(int count) {
    secp256k1_context *context = secp256k1_context_create(SECP256K1_CONTEXT_NONE);
    unsigned char secret[32], message[32], noise[32], signature[64], key[32];
    memset(secret, 7, 32);
    memset(message, 9, 32);
    memset(noise, 5, 32);
    secp256k1_keypair pair;
    secp256k1_xonly_pubkey point;
    must(secp256k1_keypair_create(context, &pair, secret) && secp256k1_keypair_xonly_pub(context, &point, NULL, &pair), "key");
    secp256k1_xonly_pubkey_serialize(context, key, &point);
    double began = now();
    for (int i = 0; i < count; i++) {
        memcpy(message, &i, sizeof i);
        must(secp256k1_schnorrsig_sign32(context, signature, message, &pair, noise), "sign");
    }
    double signing = count / (now() - began);
    began = now();
    for (int i = 0; i < count; i++) must(secp256k1_schnorrsig_verify(context, signature, message, 32, &point), "verify");
    double verifying = count / (now() - began);
    began = now();
    for (int i = 0; i < count; i++) {
        secp256k1_xonly_pubkey read;
        must(secp256k1_xonly_pubkey_parse(context, &read, key), "parse");
        must(secp256k1_schnorrsig_verify(context, signature, message, 32, &read), "verify");
    }
    printf("{\"sign\":%.0f,\"verify\":%.0f,\"verify_parse\":%.0f}\n", signing, verifying, count / (now() - began));
}

int main(int count, char **words) {
    if (count == 4 && !strcmp(words[1], "commits")) commits(words[2], atoi(words[3]));
    else if (count == 3 && !strcmp(words[1], "signatures")) signatures(atoi(words[2]));
    else if (count == 4 && !strcmp(words[1], "signatures") && !strcmp(words[3], "cpu")) {
        clock_of = CLOCK_PROCESS_CPUTIME_ID;
        signatures(atoi(words[2]));
    } else return fprintf(stderr, "raw commits FILE COUNT | raw signatures COUNT [cpu]\n"), 2;
    return 0;
}
