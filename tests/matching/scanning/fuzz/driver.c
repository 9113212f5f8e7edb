/* The main function for target.c where the compiler has no libFuzzer. It mutates the corpus, in the same way for the
 * same seed: target CORPUS_FOLDER SECONDS SEED */
#define _POSIX_C_SOURCE 200809L
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_FILES 256
#define LONGEST 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seed {
    uint8_t bytes[LONGEST];
    size_t size;
};

static struct seed seeds[MOST_FILES];
static size_t seed_count;
static uint64_t state;

static const char *const TOKENS[] = {
    "@",  ".",  "-",  "--", "xn--", "+",   "(",      ")",      " ",       "/",          "X",           "00",
    "1",  "86", "44", "GB", "\n",   "\xef\xbc\x91", "\xe2\x80\x8b", "\xef\xbc\x8e", "\xff", "\xf0\x9f", "13800138000",
    "4111111111111111", "11010119000101009X", "gmail.com", "example",
    "%40", "&#64;", "\\u0040", "\\x40", "=40", "=E8=B6=A3", "=\n", "\x1b[1m", "0x616e6e6140", "[at]", " dot ", "***",
};

/* Returns a random number (xorshift64*). */
static uint64_t chance(uint64_t below) {
    state ^= state >> 12, state ^= state << 25, state ^= state >> 27;
    return (state * 0x2545F4914F6CDD1DULL >> 32) % below;
}

static void read_seeds(const char *folder) {
    DIR *directory = opendir(folder);
    if (!directory) exit(2);
    for (struct dirent *entry; (entry = readdir(directory)) && seed_count < MOST_FILES;) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        FILE *file = entry->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!file) continue;
        seeds[seed_count].size = fread(seeds[seed_count].bytes, 1, LONGEST, file);
        seed_count++;
        fclose(file);
    }
    closedir(directory);
    if (!seed_count) exit(2);
}

static size_t replaced(uint8_t *bytes, size_t size, size_t at, size_t cut, const void *put, size_t length) {
    if (size - cut + length > LONGEST) return size;
    memmove(bytes + at + length, bytes + at + cut, size - at - cut);
    memcpy(bytes + at, put, length);
    return size - cut + length;
}

static size_t mutated(uint8_t *bytes, size_t size) {
    size_t at = chance(size + 1), left = size - at, cut = left ? chance(left < 16 ? left + 1 : 16) : 0;
    const struct seed *other = &seeds[chance(seed_count)];
    const char *token = TOKENS[chance(sizeof TOKENS / sizeof *TOKENS)];
    uint8_t part[LONGEST];
    switch (chance(5)) {
    case 0:
        if (left) bytes[at] ^= (uint8_t)(1u << chance(8));
        return size;
    case 1:
        return replaced(bytes, size, at, chance(2) ? cut : 0, token, strlen(token));
    case 2:
        return replaced(bytes, size, at, cut, "", 0);
    case 3: {
        size_t from = chance(other->size + 1), length = chance(other->size - from + 1);
        return replaced(bytes, size, at, cut, other->bytes + from, length);
    }
    default:
        memcpy(part, bytes + at, cut);
        return replaced(bytes, size, at, 0, part, cut);
    }
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    if (count != 4) return 2;
    read_seeds(arguments[1]);
    double end = now() + atof(arguments[2]);
    state = strtoull(arguments[3], NULL, 10) | 1;
    unsigned long runs = 0;
    for (size_t i = 0; i < seed_count; i++) LLVMFuzzerTestOneInput(seeds[i].bytes, seeds[i].size);
    while (runs % 64 || now() < end) {
        static uint8_t bytes[LONGEST];
        const struct seed *seed = &seeds[chance(seed_count)];
        size_t size = seed->size;
        memcpy(bytes, seed->bytes, size);
        for (uint64_t rounds = 1 + chance(8); rounds; rounds--) size = mutated(bytes, size);
        LLVMFuzzerTestOneInput(bytes, size);
        runs++;
    }
    printf("Done %lu runs\n", runs);
    return 0;
}
