/* The least that a server of changes can do: it keeps one waiting connection a phone, and on a POST commits a change to
 * Postgres and hands it on. No users, no cursors, no second chance: the bound that a real feed is measured against.
 *
 *   feed_peer PORT CONNINFO
 *
 * GET /wait/NUMBER waits (an event stream); POST /change/NUMBER commits, writes to that stream, and answers 204.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <libpq-fe.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { most = 65536 };
static int waiting[most];
static PGconn *database;

static void say(int fd, const char *text) { send(fd, text, strlen(text), MSG_NOSIGNAL); }

static void commit(int number) {
    char sql[256];
    snprintf(sql, sizeof sql, "update bench_users set change_sequence = change_sequence + 1 where id = %d", number);
    PGresult *result = PQexec(database, sql);
    if (PQresultStatus(result) != PGRES_COMMAND_OK) {
        fputs(PQerrorMessage(database), stderr);
        exit(1);
    }
    PQclear(result);
}

static void serve(int fd, const char *request) {
    int number;
    if (sscanf(request, "GET /wait/%d", &number) == 1 && number >= 0 && number < most) {
        waiting[number] = fd;
        say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n\ndata: here\n\n");
    } else if (sscanf(request, "POST /change/%d", &number) == 1 && number >= 0 && number < most) {
        commit(number);
        say(waiting[number], "\ndata: new\n\n");
        say(fd, "HTTP/1.1 204 No Content\r\n\r\n");
    } else close(fd);
}

int main(int argc, char **argv) {
    if (argc != 3) return 64;
    struct rlimit files = {most, most};
    setrlimit(RLIMIT_NOFILE, &files);
    database = PQconnectdb(argv[2]);
    if (PQstatus(database) != CONNECTION_OK) {
        fputs(PQerrorMessage(database), stderr);
        return 1;
    }
    int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1, loop = epoll_create1(0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) {
        perror("feed_peer");
        return 1;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(loop, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int number = epoll_wait(loop, ready, 256, -1);
        for (int i = 0; i < number; i++) {
            int fd = ready[i].data.fd;
            if (fd == listener) {
                fd = accept(listener, NULL, NULL);
                setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
                event.data.fd = fd;
                epoll_ctl(loop, EPOLL_CTL_ADD, fd, &event);
                continue;
            }
            char request[8192];
            ssize_t got = recv(fd, request, sizeof request - 1, 0);
            if (got <= 0) {
                close(fd);
                continue;
            }
            request[got] = 0;
            serve(fd, request);
        }
    }
}
