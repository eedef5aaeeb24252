// Java: handles are long, texts and lists cross as byte[] of UTF-8, a failure is thrown by the native call that met it.
//
// Java's own strings in JNI are "modified UTF-8", which is another encoding beyond the first plane: Utf8.java converts.
%module Native

%{
#include "jni_glue.hpp"
%}

%include "enumtypeunsafe.swg"
%rename("$ignore", regexmatch$name="^MQ_") "";  // constants: the public enums have them
%ignore mqs_list_flat;                          // the typemaps of lists call it
%ignore mq_last_retry_after;                    // read where the failure is thrown

%pragma(java) moduleclassmodifiers="final class"
%pragma(java) jniclassclassmodifiers="final class"
%pragma(java) jniclasscode=%{
  static {
    NativeLoader.load();
  }
%}

// ---- what a call answers: a failure is thrown, with its text, before another call of this thread may change it, also one
// ---- that writes an answer

%define MQ_ANSWER(FUNCTION, EXPECTED)  // a status that is no failure of that function
%typemap(jni) mq_status FUNCTION "jint"
%typemap(jtype) mq_status FUNCTION "int"
%typemap(jstype) mq_status FUNCTION "int"
%typemap(out) mq_status FUNCTION "$result = $1; if ($1 != EXPECTED) glue::Check(jenv, $1);"
%typemap(javaout) mq_status FUNCTION { return $jnicall; }
%enddef

%typemap(jni) mq_status "void"
%typemap(jtype) mq_status "void"
%typemap(jstype) mq_status "void"
%typemap(out) mq_status "glue::Check(jenv, $1);"
%typemap(javaout) mq_status { $jnicall; }

%typemap(jni) mq_status status "jint"
%typemap(jtype) mq_status status "int"
%typemap(jstype) mq_status status "int"

MQ_ANSWER(mqs_ack_flat, MQ_PARTIAL)
MQ_ANSWER(mqs_request_many_flat, MQ_PARTIAL)
MQ_ANSWER(mqs_reply_flat, MQ_PARTIAL)
MQ_ANSWER(mqs_get_flat, MQ_TOO_LARGE)
MQ_ANSWER(mq_delete, MQ_NOT_FOUND)
MQ_ANSWER(mq_resume, MQ_NOT_FOUND)
MQ_ANSWER(mq_drain, MQ_TIMEOUT)
MQ_ANSWER(mq_await_with, MQ_TIMEOUT && $1 != MQ_NOT_FOUND)
MQ_ANSWER(mq_flush_with, MQ_TIMEOUT)
MQ_ANSWER(mq_next_log_with, MQ_TIMEOUT)
MQ_ANSWER(agentmq_close, MQ_PARTIAL)

// Of a batch of which a part was stored: after how many ms the rest may be; 0: not known.
%typemap(jni) mq_status mqs_publish_flat "jint"
%typemap(jtype) mq_status mqs_publish_flat "int"
%typemap(jstype) mq_status mqs_publish_flat "int"
%typemap(out) mq_status mqs_publish_flat "$result = glue::RetryAfterPart(jenv, $1);"
%typemap(javaout) mq_status mqs_publish_flat { return $jnicall; }

// ---- handles

%define MQ_HANDLE(TYPE)
%typemap(jni) TYPE * "jlong"
%typemap(jtype) TYPE * "long"
%typemap(jstype) TYPE * "long"
%typemap(in) TYPE * "$1 = reinterpret_cast<TYPE *>($input);"
%typemap(out) TYPE * "$result = reinterpret_cast<jlong>($1);"
%typemap(javain) TYPE * "$javainput"
%typemap(javaout) TYPE * { return $jnicall; }
%typemap(jni) TYPE ** "jlongArray"
%typemap(jtype) TYPE ** "long[]"
%typemap(jstype) TYPE ** "long[]"
%typemap(javain) TYPE ** "$javainput"
%typemap(in) TYPE ** (TYPE *made = nullptr) "$1 = &made;"
%typemap(argout) TYPE ** "glue::Answer(jenv, $input, reinterpret_cast<jlong>(*$1));"
%enddef

MQ_HANDLE(mq_bus)
MQ_HANDLE(mq_config)
MQ_HANDLE(mq_subscription)
MQ_HANDLE(mq_cancel)
MQ_HANDLE(mq_list)

// What answers no status says it with its value.
%typemap(ret) mq_cancel *mq_cancel_new "if ($1 == nullptr) glue::Check(jenv, MQ_NO_MEMORY);"
%typemap(ret) int mq_subscription_fd "if ($1 < 0) glue::Check(jenv, MQ_INTERNAL);"

// ---- numbers that come back, in an array of one

%typemap(jni) int64_t *COUNT "jlongArray"
%typemap(jtype) int64_t *COUNT "long[]"
%typemap(jstype) int64_t *COUNT "long[]"
%typemap(javain) int64_t *COUNT "$javainput"
%typemap(in) int64_t *COUNT (int64_t number = 0) "$1 = &number;"
%typemap(argout) int64_t *COUNT "glue::Answer(jenv, $input, *$1);"
%apply int64_t *COUNT { int64_t *count, int64_t *removed, int64_t *recovered, int64_t *replayed, int64_t *purged,
                           int64_t *dropped, int64_t *gaps };

%typemap(jni) int *deleted "jlongArray"
%typemap(jtype) int *deleted "long[]"
%typemap(jstype) int *deleted "long[]"
%typemap(javain) int *deleted "$javainput"
%typemap(in) int *deleted (int number = 0) "$1 = &number;"
%typemap(argout) int *deleted "glue::Answer(jenv, $input, *$1);"

%typemap(jni) mq_state "jint"
%typemap(jtype) mq_state "int"
%typemap(jstype) mq_state "int"
%typemap(in) mq_state "$1 = static_cast<mq_state>($input);"
%typemap(javain) mq_state "$javainput"
%typemap(jni) mq_state *reached "jlongArray"
%typemap(jtype) mq_state *reached "long[]"
%typemap(jstype) mq_state *reached "long[]"
%typemap(javain) mq_state *reached "$javainput"
%typemap(in) mq_state *reached (mq_state number = MQ_STATE_QUEUED) "$1 = &number;"
%typemap(argout) mq_state *reached "glue::Answer(jenv, $input, *$1);"

%typemap(jni) mq_health_state *state "jlongArray"
%typemap(jtype) mq_health_state *state "long[]"
%typemap(jstype) mq_health_state *state "long[]"
%typemap(javain) mq_health_state *state "$javainput"
%typemap(in) mq_health_state *state (mq_health_state number = MQ_UNHEALTHY) "$1 = &number;"
%typemap(argout) mq_health_state *state "glue::Answer(jenv, $input, *$1);"

// The statuses of a batch; how many are 0 can be counted there.
%typemap(jni) (int32_t *results, size_t count) "jintArray"
%typemap(jtype) (int32_t *results, size_t count) "int[]"
%typemap(jstype) (int32_t *results, size_t count) "int[]"
%typemap(javain) (int32_t *results, size_t count) "$javainput"
%typemap(in) (int32_t *results, size_t count) (glue::Numbers numbers) %{
  if (!numbers.Reserve(jenv, $input)) return $null;
  $1 = numbers.at();
  $2 = numbers.size();
%}
%typemap(argout) (int32_t *results, size_t count) "numbers$argnum.Give(jenv, $input);"
%typemap(in, numinputs=0) size_t *size (size_t counted = 0) "$1 = &counted;"

// ---- texts and bytes

%typemap(jni) const char * "jbyteArray"
%typemap(jtype) const char * "byte[]"
%typemap(jstype) const char * "String"
%typemap(javain) const char * "Utf8.terminated(\"$1_name\", $javainput)"
%typemap(in) const char * (glue::Bytes bytes) %{
  if (!bytes.Take(jenv, $input)) return $null;
  $1 = bytes.at();
%}
%typemap(out) const char * "$result = glue::BytesOf(jenv, $1);"
%typemap(javaout) const char * { return Utf8.text($jnicall); }
%typemap(freearg) const char * ""

%typemap(jni) (const void *data, size_t length) "jbyteArray"
%typemap(jtype) (const void *data, size_t length) "byte[]"
%typemap(jstype) (const void *data, size_t length) "byte[]"
%typemap(javain) (const void *data, size_t length) "$javainput"
%typemap(in) (const void *data, size_t length) (glue::Bytes bytes) %{
  if (!bytes.Take(jenv, $input)) return $null;
  $1 = bytes.at();
  $2 = bytes.size();
%}
%apply (const void *data, size_t length) { (const void *targets, size_t targets_length) };

// A text of the library's that the caller frees: into an array of one.
%typemap(jni) char ** "jobjectArray"
%typemap(jtype) char ** "byte[][]"
%typemap(jstype) char ** "byte[][]"
%typemap(javain) char ** "$javainput"
%typemap(in) char ** (char *text = nullptr) "$1 = &text;"
%typemap(argout) char ** "glue::Answer(jenv, $input, *$1);"
%typemap(freearg) char ** "mq_free(*$1);"

// ---- lists: a page is a byte[][1]. What it holds is written to where it fits, else replaced by a larger one.

%define MQ_PAGE(PARAMETERS)
%typemap(jni) PARAMETERS "jobjectArray"
%typemap(jtype) PARAMETERS "byte[][]"
%typemap(jstype) PARAMETERS "byte[][]"
%typemap(javain) PARAMETERS "$javainput"
%enddef

MQ_PAGE((void *buffer, size_t capacity, size_t *size, mq_list **rest))
MQ_PAGE((void *buffer, size_t capacity, size_t *size))
MQ_PAGE(mq_list **list)

// The library keeps the list, and it is written when the call is over and does not wait any more.
%typemap(in) (void *buffer, size_t capacity, size_t *size, mq_list **rest) (glue::Page page, size_t unknown) %{
  page.Take(jenv, $input);
  $1 = nullptr;
  $2 = 0;
  $3 = &unknown;
  $4 = &page.rest;
%}
%typemap(argout) (void *buffer, size_t capacity, size_t *size, mq_list **rest) "page$argnum.Give(jenv);"

%typemap(in) (void *buffer, size_t capacity, size_t *size) (glue::Room room) %{
  if (!room.Take(jenv, $input)) return $null;
  $1 = room.at();
  $2 = room.capacity();
  $3 = &room.size;
%}
%typemap(argout) (void *buffer, size_t capacity, size_t *size) "room$argnum.Give(jenv);"

%typemap(in) mq_list **list (glue::Page page) %{
  page.Take(jenv, $input);
  $1 = &page.rest;
%}
%typemap(argout) mq_list **list "page$argnum.Give(jenv);"

%include "agentmq.i"
