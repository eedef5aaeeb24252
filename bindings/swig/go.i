// Go: flat functions in an internal package, below a hand-written face.
//
// Handles are uintptr, which the garbage collector leaves alone. What comes back goes through pointers to Go memory that
// are not kept. A failure becomes an error within the call that failed: the text belongs to the thread, and a goroutine
// may be on another one a moment later.
%module native

%{
#include <agentmq/agentmq.h>
#include <poll.h>

#include <cstdlib>
#include <cstring>

#include "failure.h"
%}

// Left out for Go only, besides left_out.i.
%ignore mq_last_error;   // read where the error is made, as is the next
%ignore mq_last_retry_after;
%ignore mq_status_name;  // the face has names of its own
%ignore mq_config_new;   // mqs_config_of()
%ignore mq_config_set;
%ignore mq_config_get;
%ignore mq_list_size;    // the flat list says it
%ignore mq_drain;        // handlers run in Go: the face waits for them and unsubscribes
%ignore mqs_fetch_flat;  // mqg_fetch_flat()
%ignore mq_status;
%ignore mq_state;
%ignore mq_failure;
%ignore mq_mode;
%ignore mq_verdict;
%ignore mq_health_state;
%rename("$ignore", regexmatch$name="^MQ_") "";
%rename("%(camelcase)s", %$isfunction) "";

// Handles.
%define HANDLE(TYPE)
%typemap(gotype) TYPE * "uintptr"
%typemap(in) TYPE * %{ $1 = ($1_ltype)$input; %}
%typemap(out) TYPE * %{ *($&1_ltype)&$result = ($1_ltype)$1; %}
%typemap(gotype) TYPE ** "*uintptr"
%typemap(in) TYPE ** %{ $1 = ($1_ltype)$input; %}
%enddef
HANDLE(mq_bus)
HANDLE(mq_config)
HANDLE(mq_list)
HANDLE(mq_subscription)
HANDLE(mq_cancel)

// Numbers that come back, and texts that mq_free() ends: see Text().
%typemap(gotype) size_t "uintptr"
%typemap(gotype) size_t *, char ** "*uintptr"
%typemap(gotype) int64_t * "*int64"
%typemap(gotype) mq_health_state *, mq_state *, int32_t *, int *deleted "*int32"
%typemap(gotype) mq_failure, mq_state "int32"
%typemap(imtype) mq_failure, mq_state "int32"
%typemap(in) mq_failure, mq_state %{ $1 = ($1_ltype)$input; %}

// A text goes in with a NUL behind it, on the stack where it is short. The one text that is U+0000 stands for NULL.
%{
namespace {
class Terminated {
 public:
  explicit Terminated(_gostring_ text) {
    const size_t size = static_cast<size_t>(text.n);
    if (size == 1 && text.p[0] == '\0') return;
    if (size >= sizeof short_) long_ = static_cast<char *>(std::malloc(size + 1));
    char *const to = size >= sizeof short_ ? long_ : short_;
    if (to == NULL) std::abort();  // as Go does without memory
    if (size > 0) std::memcpy(to, text.p, size);
    to[size] = '\0';
    text_ = to;
  }
  Terminated(const Terminated &) = delete;
  ~Terminated() { std::free(long_); }
  char *get() const { return text_; }

 private:
  char short_[128];
  char *long_ = NULL;
  char *text_ = NULL;
};
}  // namespace
%}
%typemap(gotype) const char * "string"
%typemap(in) const char * %{ const Terminated terminated$argnum($input); $1 = terminated$argnum.get(); %}
%typemap(freearg) const char * ""

// A text of the library's that stays for good.
%typemap(imtype) const char *mq_version "uintptr"
%typemap(out) const char *mq_version %{ $result = ($1_ltype)$1; %}
%typemap(goout) const char *mq_version %{ $result = textAt($1) %}

// Bytes that are read, room that is filled, and an array with a place for each.
%define SLICE(ELEMENT, POINTER, LENGTH)
%typemap(gotype) (POINTER, LENGTH) ELEMENT
%typemap(in) (POINTER, LENGTH) %{ $1 = ($1_ltype)$input.array; $2 = ($2_ltype)$input.len; %}
%enddef
SLICE("[]byte", const void *data, size_t length)
SLICE("[]byte", const void *targets, size_t targets_length)
SLICE("[]byte", void *buffer, size_t capacity)

// How many of them are 0 can be counted.
%typemap(gotype) (int32_t *results, size_t count, size_t *size) "[]int32"
%typemap(in) (int32_t *results, size_t count, size_t *size) (size_t settled) %{
  $1 = ($1_ltype)$input.array; $2 = ($2_ltype)$input.len; $3 = &settled;
%}

// A list that comes back fills a buffer, of at least 24 bytes. Without one it begins with 16 zeros. One that does not fit
// is kept: there is the head of a list, with its size and version 0, and behind it the handle. Each pointer that crosses
// by itself is checked by Go, which takes longer than to write this.
%{
static inline void mqg_put(unsigned char *at, uint64_t number) {
  for (int i = 0; i < 8; i++) at[i] = static_cast<unsigned char>(number >> 8 * i);
}
static inline void mqg_tell(void *buffer, size_t size, mq_list *kept) {
  if (size > 0 && kept == NULL) return;
  unsigned char *const at = static_cast<unsigned char *>(buffer);
  mqg_put(at, 0);
  mqg_put(at + 8, size);
  mqg_put(at + 16, reinterpret_cast<uintptr_t>(kept));
}
%}
%typemap(gotype) (void *buffer, size_t capacity, size_t *size, mq_list **rest) "[]byte"
%typemap(in) (void *buffer, size_t capacity, size_t *size, mq_list **rest) (size_t written, mq_list *kept) %{
  $1 = ($1_ltype)$input.array; $2 = ($2_ltype)$input.len; $3 = &written; $4 = &kept;
%}
%typemap(argout) (void *buffer, size_t capacity, size_t *size, mq_list **rest) %{ mqg_tell($1, *$3, *$4); %}

// 0: it went well; small: a status whose text there is no memory for; else a failure that failure() takes over.
%{
static inline uintptr_t mqg_failed(mq_status status) {
  if (status == MQ_OK) return 0;
  const char *const text = mq_last_error();
  const size_t size = std::strlen(text) + 1;
  mqg_failure *const failure = static_cast<mqg_failure *>(std::malloc(sizeof(mqg_failure) + size));
  if (failure == NULL) return static_cast<uintptr_t>(status);
  failure->retry_after = mq_last_retry_after();
  failure->status = status;
  std::memcpy(failure + 1, text, size);
  return reinterpret_cast<uintptr_t>(failure);
}
%}
%typemap(gotype) mq_status "error"
%typemap(imtype) mq_status "uintptr"
%typemap(out) mq_status %{ $result = mqg_failed($1); %}
%typemap(goout) mq_status %{ $result = failure($1) %}

%typemap(gotype) mq_status status "int32"
%typemap(imtype) mq_status status "int32"
%typemap(in) mq_status status %{ $1 = ($1_ltype)$input; %}

%include "agentmq.i"

%inline %{
/** mqs_fetch_flat(); with a descriptor of the subscription's (not -1) only where that is readable, else size 0. */
static inline mq_status mqg_fetch_flat(mq_subscription *subscription, int descriptor, size_t max, int64_t timeout,
                                       mq_cancel *cancel, void *buffer, size_t capacity, size_t *size,
                                       mq_list **rest) {
  struct pollfd asked = {descriptor, POLLIN, 0};
  *size = 0;
  *rest = NULL;
  if (descriptor >= 0 && poll(&asked, 1, 0) != 1) return MQ_OK;
  return mqs_fetch_flat(subscription, max, timeout, cancel, buffer, capacity, size, rest);
}
%}
