/* The bare round trip of LISTEN and NOTIFY: from just before one connection sends a transaction with a NOTIFY, until the
 * other connection has the notification in hand. Prints p50 and p99 in microseconds.
 *
 *   round_trip CONNINFO ROUNDS
 */
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e6 + time.tv_nsec / 1e3;
}

static void check(int good, PGconn *connection) {
    if (good) return;
    fputs(PQerrorMessage(connection), stderr);
    exit(1);
}

static PGconn *open_connection(const char *conninfo) {
    PGconn *connection = PQconnectdb(conninfo);
    check(PQstatus(connection) == CONNECTION_OK, connection);
    return connection;
}

static void run(PGconn *connection, const char *sql) {
    PGresult *result = PQexec(connection, sql);
    check(PQresultStatus(result) == PGRES_COMMAND_OK, connection);
    PQclear(result);
}

static void wait_for_notification(PGconn *connection) {
    for (;;) {
        PGnotify *notification = PQnotifies(connection);
        if (notification) {
            PQfreemem(notification);
            return;
        }
        struct pollfd descriptor = {PQsocket(connection), POLLIN, 0};
        poll(&descriptor, 1, -1);
        check(PQconsumeInput(connection), connection);
    }
}

/* The answer to the sender is read after the clock has stopped: it is not what is being timed. */
static double round_trip(PGconn *sender, PGconn *listener) {
    double start = now();
    check(PQsendQuery(sender, "notify bench"), sender);
    wait_for_notification(listener);
    double time = now() - start;
    PGresult *result;
    while ((result = PQgetResult(sender))) {
        check(PQresultStatus(result) == PGRES_COMMAND_OK, sender);
        PQclear(result);
    }
    return time;
}

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int count, char **words) {
    int rounds = count == 3 ? atoi(words[2]) : 0;
    if (rounds < 1) {
        fputs("usage: round_trip CONNINFO ROUNDS\n", stderr);
        return 2;
    }
    PGconn *sender = open_connection(words[1]), *listener = open_connection(words[1]);
    run(listener, "listen bench");
    double *times = malloc(rounds * sizeof *times);
    if (!times) return 1;
    for (int warm = 0; warm < 100; warm++) round_trip(sender, listener);
    for (int round = 0; round < rounds; round++) times[round] = round_trip(sender, listener);
    qsort(times, rounds, sizeof *times, compare);
    printf("%.1f %.1f\n", times[rounds / 2], times[(int)(rounds * 0.99)]);
    return 0;
}
