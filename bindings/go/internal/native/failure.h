#ifndef AGENTMQ_GO_FAILURE_H
#define AGENTMQ_GO_FAILURE_H

#include <stdint.h>

/* A failed call, as the wrapper hands it to Go: from malloc(), the text with its NUL right behind it. */
typedef struct mqg_failure {
  int64_t retry_after; /* ms; 0: not known */
  int32_t status;
} mqg_failure;

#endif
