/* Words and how often they occur: what the agents of wordcount.c work on. Nothing of agentmq is in here. */
#ifndef EXAMPLES_WORDS_H
#define EXAMPLES_WORDS_H

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORD_SIZE 32 /* longer words are cut */

struct word {
  char text[WORD_SIZE];
  long count;
};

/* In alphabetical order. All zero is an empty one. */
struct words {
  struct word *at;
  size_t size;
  size_t capacity;
};

/* Memory, or the end of the program. */
static void *words_memory(void *old, size_t size) {
  void *memory = realloc(old, size);
  if (memory == NULL) {
    fprintf(stderr, "out of memory\n");
    exit(1);
  }
  return memory;
}

static void words_add(struct words *words, const char *text, long count) {
  size_t low = 0;
  size_t high = words->size;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = strcmp(text, words->at[middle].text);
    if (order == 0) {
      words->at[middle].count += count;
      return;
    }
    if (order < 0) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  if (words->size == words->capacity) {
    words->capacity = words->capacity == 0 ? 64 : words->capacity * 2;
    words->at = words_memory(words->at, words->capacity * sizeof *words->at);
  }
  memmove(&words->at[low + 1], &words->at[low], (words->size - low) * sizeof *words->at);
  snprintf(words->at[low].text, WORD_SIZE, "%s", text);
  words->at[low].count = count;
  words->size++;
}

/* Adds the words of a text: letters and the apostrophes between them, in lower case. */
static void words_count(struct words *words, const char *text, size_t size) {
  char word[WORD_SIZE];
  size_t length = 0;
  for (size_t i = 0; i <= size; i++) {
    int letter = i < size ? (unsigned char)text[i] : ' ';
    if (isalpha(letter) || (letter == '\'' && length > 0)) {
      if (length < WORD_SIZE - 1) word[length++] = (char)tolower(letter);
      continue;
    }
    while (length > 0 && word[length - 1] == '\'') length--;
    word[length] = '\0';
    if (length > 0) words_add(words, word, 1);
    length = 0;
  }
}

/* As lines "word count"; the caller frees it. */
static char *words_write(const struct words *words, size_t *size) {
  char *text = words_memory(NULL, words->size * (WORD_SIZE + 24) + 1);
  *size = 0;
  for (size_t i = 0; i < words->size; i++) {
    *size += (size_t)sprintf(text + *size, "%s %ld\n", words->at[i].text, words->at[i].count);
  }
  return text;
}

/* Adds what words_write() wrote. */
static void words_read(struct words *words, const char *text) {
  char word[WORD_SIZE];
  for (const char *end; (end = strchr(text, '\n')) != NULL; text = end + 1) {
    size_t length = strcspn(text, " ");
    if (length >= WORD_SIZE) continue;
    memcpy(word, text, length);
    word[length] = '\0';
    words_add(words, word, strtol(text + length, NULL, 10));
  }
}

static long words_total(const struct words *words) {
  long total = 0;
  for (size_t i = 0; i < words->size; i++) total += words->at[i].count;
  return total;
}

static int words_equal(const struct words *a, const struct words *b) {
  if (a->size != b->size) return 0;
  for (size_t i = 0; i < a->size; i++) {
    if (strcmp(a->at[i].text, b->at[i].text) != 0 || a->at[i].count != b->at[i].count) return 0;
  }
  return 1;
}

static void words_free(struct words *words) {
  free(words->at);
  memset(words, 0, sizeof *words);
}

/* A file's text, ended by a 0; NULL where it can't be read. The caller frees it. */
static char *words_load(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) return NULL;
  char *text = NULL;
  size_t size = 0;
  size_t got = 0;
  do {
    text = words_memory(text, size + 65536);
    got = fread(text + size, 1, 65535, file);
    size += got;
  } while (got > 0);
  text[size] = '\0';
  fclose(file);
  return text;
}

#endif
