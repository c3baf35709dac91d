/* Downloads a file again and again as tightly as one thread can: receive, hash (OpenSSL's SHA-256), write; then fsync, rename,
 * fsync of the folder. Prints the seconds that all of it took.
 *
 *   download_peer PORT COUNT FOLDER
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SIZE = 256 << 10 };
static char buffer[SIZE];

static void check(int good, const char *what) {
    if (good) return;
    perror(what);
    exit(1);
}

static int ask(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    check(connect(server, (struct sockaddr *)&address, sizeof address) == 0, "connect");
    const char *request = "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n";
    check(send(server, request, strlen(request), 0) == (ssize_t)strlen(request), "send");
    return server;
}

/* The bytes of the body that came with the head; `left` is how many are still to come. */
static ssize_t read_head(int server, char **body, long long *left) {
    ssize_t got = 0;
    for (;;) {
        ssize_t count = recv(server, buffer + got, SIZE - 1 - got, 0);
        check(count > 0, "recv");
        got += count;
        buffer[got] = 0;
        char *end = strstr(buffer, "\r\n\r\n");
        if (!end) continue;
        char *length = strstr(buffer, "Content-Length: ");
        check(length != NULL, "Content-Length");
        *body = end + 4;
        ssize_t begun = got - (*body - buffer);
        *left = atoll(length + 16) - begun;
        return begun;
    }
}

static void take(int file, EVP_MD_CTX *hash, const char *bytes, ssize_t count) {
    check(write(file, bytes, count) == count, "write");
    EVP_DigestUpdate(hash, bytes, count);
}

static void download(int port, const char *part, const char *whole, int folder) {
    int server = ask(port), file = open(part, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    check(file >= 0, part);
    EVP_MD_CTX *hash = EVP_MD_CTX_new();
    EVP_DigestInit_ex(hash, EVP_sha256(), NULL);
    char *body;
    long long left;
    ssize_t count = read_head(server, &body, &left);
    take(file, hash, body, count);
    while (left > 0) {
        count = recv(server, buffer, SIZE, 0);
        check(count > 0, "recv");
        take(file, hash, buffer, count);
        left -= count;
    }
    unsigned char sum[32];
    EVP_DigestFinal_ex(hash, sum, NULL);
    EVP_MD_CTX_free(hash);
    close(server);
    check(fsync(file) == 0, "fsync");
    close(file);
    check(rename(part, whole) == 0 && fsync(folder) == 0, "rename");
}

int main(int count, char **words) {
    if (count != 4) {
        fputs("usage: download_peer PORT COUNT FOLDER\n", stderr);
        return 64;
    }
    check(chdir(words[3]) == 0, words[3]);
    int folder = open(".", O_RDONLY | O_DIRECTORY);
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int number = 0; number < atoi(words[2]); number++) {
        char whole[32];
        snprintf(whole, sizeof whole, "whole-%d", number);
        download(atoi(words[1]), "part", whole, folder);
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%f\n", end.tv_sec - start.tv_sec + (end.tv_nsec - start.tv_nsec) / 1e9);
    return 0;
}
