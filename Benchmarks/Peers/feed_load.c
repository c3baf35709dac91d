/* Phones that wait for news, and phones that ask: the load of the feed's figures, in a process of its own.
 *
 *   feed_load wait      HOST PORT TARGETS PUBLISH ROUNDS    streams on all targets; a change at a time, from just before it is
 *                                                           made until its phone has it
 *   feed_load fan       HOST PORT TARGETS PUBLISH ROUNDS    the same change for all: until the last has it
 *   feed_load requests  HOST PORT TARGETS CONNECTIONS SECONDS
 *   feed_load snapshot  HOST PORT TARGETS                   pages of /v1/changes until there are no more
 *
 * TARGETS: a file with a line for each phone: PATH, a tab, header lines with | after each, a tab, what PUBLISH puts in
 * place of %s. PUBLISH: `sql:CONNINFO|STATEMENTS` or `post:PATH`. Prints one JSON object. While it waits it prints
 * {"waiting": N} first and goes on when a line comes in, so that somebody can look at the server's memory meanwhile.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct phone {
    int fd;
    char *path, *headers, *subject;
    int events; /* lines that begin with "data:" so far, or whole answers */
    char last[6]; /* the end of what came last, for a word that is cut in two */
    int kept;
    int is_answered;
    char tail[200]; /* of what came last, to tell where a stream ends that should not */
};

static struct phone *phones;
static int count, loop;
static struct sockaddr_in server;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

static void fail(const char *what) {
    fprintf(stderr, "feed_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_targets(const char *file) {
    FILE *in = fopen(file, "r");
    if (!in) fail(file);
    char *line = NULL;
    size_t size = 0;
    for (ssize_t length; (length = getline(&line, &size, in)) > 0;) {
        if (line[length - 1] == '\n') line[length - 1] = 0;
        phones = realloc(phones, sizeof *phones * (count + 1));
        struct phone *phone = &phones[count++];
        memset(phone, 0, sizeof *phone);
        char *rest = strdup(line);
        phone->path = strsep(&rest, "\t");
        char *headers = strsep(&rest, "\t");
        phone->subject = rest ? rest : "";
        phone->headers = calloc(1, strlen(headers ? headers : "") * 2 + 8);
        for (char *header; headers && (header = strsep(&headers, "|")) && *header;) {
            strcat(phone->headers, header);
            strcat(phone->headers, "\r\n");
        }
    }
    fclose(in);
}

static int dial(void) {
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    if (fd < 0) fail("socket");
    /* Ten thousand connections from one address to one port: spread over 127.0.0.0/8. */
    static unsigned dialled;
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001 + dialled++ / 200)};
    setsockopt(fd, IPPROTO_IP, 24 /* IP_BIND_ADDRESS_NO_PORT */, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&from, sizeof from)) fail("bind");
    if (connect(fd, (struct sockaddr *)&server, sizeof server)) fail("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void send_all(int fd, const char *bytes, size_t length) {
    while (length) {
        ssize_t sent = send(fd, bytes, length, MSG_NOSIGNAL);
        if (sent <= 0) fail("send");
        bytes += sent;
        length -= sent;
    }
}

static void ask(struct phone *phone, int fd) {
    char request[4096];
    int length = snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n%s\r\n", phone->path, phone->headers);
    send_all(fd, request, length);
}

/* How often a line that begins with "data:" is in what came, also across two reads. */
static int events_in(struct phone *phone, char *bytes, ssize_t length) {
    char joined[65536 + 8];
    memcpy(joined, phone->last, phone->kept);
    memcpy(joined + phone->kept, bytes, length);
    length += phone->kept;
    int found = 0;
    for (char *at = joined; (at = memmem(at, joined + length - at, "\ndata:", 6)); at += 6) found++;
    phone->kept = length < 5 ? length : 5;
    memmove(phone->last, joined + length - phone->kept, phone->kept);
    return found;
}

static int answered;

/* Takes what is there, for so many ms at most; returns how many events came. */
static int take(int wait) {
    struct epoll_event ready[512];
    char bytes[65536];
    int found = 0, number = epoll_wait(loop, ready, 512, wait);
    for (int i = 0; i < number; i++) {
        struct phone *phone = ready[i].data.ptr;
        ssize_t got = recv(phone->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            fprintf(stderr, "feed_load: the server closed a stream after: %s\n", phone->tail);
            exit(1);
        }
        if (got < 0) continue;
        int kept = got < (ssize_t)sizeof phone->tail - 1 ? got : (ssize_t)sizeof phone->tail - 1;
        if (!phone->is_answered) answered++;
        phone->is_answered = 1;
        memcpy(phone->tail, bytes + got - kept, kept);
        phone->tail[kept] = 0;
        int events = events_in(phone, bytes, got);
        phone->events += events;
        found += events;
    }
    return found;
}

static void open_streams(void) {
    struct rlimit files = {count + 1000, count + 1000};
    setrlimit(RLIMIT_NOFILE, &files);
    loop = epoll_create1(0);
    for (int i = 0; i < count; i++) {
        phones[i].fd = dial();
        ask(&phones[i], phones[i].fd);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &phones[i]};
        epoll_ctl(loop, EPOLL_CTL_ADD, phones[i].fd, &event);
        /* A few hundred at a time: this is about those that wait, not about ten thousand that come in one instant. */
        while (i + 1 - answered >= 256) take(1000);
    }
    /* Quiet for a second: every first page has come. */
    while (take(1000)) {}
    printf("{\"waiting\": %d}\n", count);
    fflush(stdout);
    if (getchar() == EOF) exit(1);
}

static PGconn *database;
static char *statements, *post;
static int publisher = -1;

static void prepare(char *publish) {
    if (!strncmp(publish, "post:", 5)) {
        post = publish + 5;
        publisher = dial();
        return;
    }
    statements = strchr(publish, '|');
    if (strncmp(publish, "sql:", 4) || !statements) fail("PUBLISH");
    *statements++ = 0;
    database = PQconnectdb(publish + 4);
    if (PQstatus(database) != CONNECTION_OK) fail(PQerrorMessage(database));
}

/* Says that something changed, and does not wait for the answer. */
static void publish(const char *subject) {
    char text[8192];
    if (!post) {
        snprintf(text, sizeof text, statements, subject, subject, subject);
        if (!PQsendQuery(database, text)) fail(PQerrorMessage(database));
        return;
    }
    char path[1024];
    snprintf(path, sizeof path, post, subject);
    int length = snprintf(
        text, sizeof text,
        "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n\r\nnew", path);
    send_all(publisher, text, length);
}

static void finish_publishing(void) {
    char bytes[65536];
    if (post) {
        if (recv(publisher, bytes, sizeof bytes, 0) <= 0) fail("the publisher's answer");
        return;
    }
    for (PGresult *result; (result = PQgetResult(database)); PQclear(result)) {
        ExecStatusType status = PQresultStatus(result);
        if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) fail(PQerrorMessage(database));
    }
}

static int by_size(const void *one, const void *other) {
    double a = *(const double *)one, b = *(const double *)other;
    return a < b ? -1 : a > b;
}

static void report(double *times, int number, int lost) {
    qsort(times, number, sizeof *times, by_size);
    printf("{\"p50_ms\": %.3f, \"p99_ms\": %.3f, \"longest_ms\": %.3f, \"changes\": %d, \"lost\": %d}\n",
           number ? times[number / 2] : -1, number ? times[number * 99 / 100] : -1, number ? times[number - 1] : -1, number, lost);
}

static void measure(int rounds, int is_fan) {
    double *times = malloc(sizeof *times * rounds);
    int number = 0, lost = 0;
    for (int round = 0; round < rounds; round++) {
        int chosen = (int)((unsigned)round * 2654435761u % (unsigned)count), wanted = is_fan ? count : 1, had = 0;
        int before = phones[chosen].events;
        double start = now(), end = start + 10000;
        publish(phones[chosen].subject);
        while (now() < end && (is_fan ? had < wanted : phones[chosen].events == before)) had += take(100);
        double time = now() - start;
        if (time < 10000) times[number++] = time;
        else lost++;
        finish_publishing();
        /* What else comes, such as a second page, is of this round. */
        while (take(is_fan ? 200 : 2)) {}
    }
    report(times, number, lost);
}

/* One whole answer with Content-Length into `buffer`; returns its length, the body's start in *body. */
static size_t answer(int fd, char **buffer, size_t *size, char **body) {
    size_t length = 0;
    for (;;) {
        if (*size - length < 65536) *buffer = realloc(*buffer, *size += 1 << 20);
        ssize_t got = recv(fd, *buffer + length, *size - length - 1, 0);
        if (got <= 0) fail("recv");
        length += got;
        (*buffer)[length] = 0;
        char *end = strstr(*buffer, "\r\n\r\n"), *field = strcasestr(*buffer, "\r\ncontent-length:");
        if (!end || !field || field > end) continue;
        size_t whole = end + 4 - *buffer + strtoul(field + 17, NULL, 10);
        *body = end + 4;
        if (length >= whole) return whole;
    }
}

/* One connection that asks all the time: what has come of the head, and what is left of the body. */
struct asker {
    int fd;
    size_t had, left;
    char head[8192];
};

/* Takes what has come of an answer; true once it is whole. Bodies are thrown away in the kernel: this is about the server. */
static int whole(struct asker *one, long *bytes, long *refused) {
    if (!one->left) {
        ssize_t got = recv(one->fd, one->head + one->had, sizeof one->head - 1 - one->had, 0);
        if (got <= 0) fail("recv");
        one->had += got;
        one->head[one->had] = 0;
        char *end = strstr(one->head, "\r\n\r\n"), *field = strcasestr(one->head, "\r\ncontent-length:");
        if (!end) return 0;
        if (!field || field > end) fail(one->head);
        size_t body = strtoul(field + 17, NULL, 10), came = one->had - (end + 4 - one->head);
        if (memcmp(one->head, "HTTP/1.1 20", 11)) (*refused)++;
        *bytes += body;
        one->had = 0;
        one->left = body - came;
    } else {
        ssize_t got = recv(one->fd, NULL, one->left < 1 << 20 ? one->left : 1 << 20, MSG_TRUNC);
        if (got <= 0) fail("recv");
        one->left -= got;
    }
    return one->left == 0;
}

static void ask_all_the_time(int connections, double seconds) {
    struct asker *all = calloc(connections, sizeof *all);
    struct epoll_event ready[1024];
    int sent = 0;
    loop = epoll_create1(0);
    for (int i = 0; i < connections; i++) {
        all[i].fd = dial();
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &all[i]};
        epoll_ctl(loop, EPOLL_CTL_ADD, all[i].fd, &event);
        ask(&phones[sent++ % count], all[i].fd);
    }
    long answers = 0, bytes = 0, refused = 0;
    double start = now(), end = start + seconds * 1000;
    while (now() < end) {
        int number = epoll_wait(loop, ready, 1024, 100);
        for (int i = 0; i < number; i++) {
            struct asker *one = ready[i].data.ptr;
            if (!whole(one, &bytes, &refused)) continue;
            answers++;
            ask(&phones[sent++ % count], one->fd);
        }
    }
    double time = (now() - start) / 1e3;
    printf("{\"requests_per_second\": %.0f, \"bytes_per_second\": %.0f, \"refused\": %ld}\n", answers / time, bytes / time, refused);
}

static void snapshot(void) {
    int fd = dial();
    char *buffer = NULL, *body, path[1024];
    size_t size = 0;
    long objects = 0, bytes = 0;
    struct phone *phone = &phones[0];
    char *first = phone->path;
    double start = now();
    for (int pages = 0; pages < 100000; pages++) {
        ask(phone, fd);
        bytes += answer(fd, &buffer, &size, &body);
        for (char *at = body; (at = strstr(at, "\"sequence\":")); at += 11) objects++;
        char *cursor = strstr(body, "\"cursor\":\"");
        if (!cursor) fail(body);
        cursor += 10;
        if (!strstr(body, "\"has_more\":true")) break;
        snprintf(path, sizeof path, "%s%ccursor=%.*s", first, strchr(first, '?') ? '&' : '?', (int)strcspn(cursor, "\""), cursor);
        phone->path = path;
    }
    double seconds = (now() - start) / 1e3;
    printf("{\"objects\": %ld, \"objects_per_second\": %.0f, \"bytes_per_second\": %.0f}\n", objects, objects / seconds, bytes / seconds);
}

int main(int argc, char **argv) {
    if (argc < 5) {
        fputs("feed_load wait|fan|requests|snapshot HOST PORT TARGETS …\n", stderr);
        return 64;
    }
    server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(atoi(argv[3]))};
    inet_pton(AF_INET, argv[2], &server.sin_addr);
    read_targets(argv[4]);
    if ((!strcmp(argv[1], "wait") || !strcmp(argv[1], "fan")) && argc == 7) {
        prepare(argv[5]);
        open_streams();
        measure(atoi(argv[6]), !strcmp(argv[1], "fan"));
    } else if (!strcmp(argv[1], "requests") && argc == 7) ask_all_the_time(atoi(argv[5]), atof(argv[6]));
    else if (!strcmp(argv[1], "snapshot")) snapshot();
    else return 64;
    return 0;
}
