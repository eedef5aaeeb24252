#pragma once

#include <agentmq/agentmq.h>
#include <jni.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>

#include "shim.hpp"

// What the typemaps of java.i do with JNI. Nothing here holds on to a Java object beyond the call, and no array is
// pinned while the library may wait.
namespace glue {

inline jclass error_class = nullptr;
inline jmethodID error_of = nullptr;

/** retry_after: in ms; 0: not known. */
inline void Throw(JNIEnv *jenv, mq_status status, const char *text, int64_t retry_after = 0);

inline void ThrowNoMemory(JNIEnv *jenv) { Throw(jenv, MQ_NO_MEMORY, "out of memory in a call from Java"); }

/** A new Java array; null for NULL, or with an exception. */
inline jbyteArray BytesOf(JNIEnv *jenv, const char *text) {
  if (text == nullptr) return nullptr;
  const jsize size = static_cast<jsize>(std::strlen(text));
  jbyteArray array = jenv->NewByteArray(size);
  if (array != nullptr) jenv->SetByteArrayRegion(array, 0, size, reinterpret_cast<const jbyte *>(text));
  return array;
}

inline void Throw(JNIEnv *jenv, mq_status status, const char *text, int64_t retry_after) {
  jbyteArray bytes = BytesOf(jenv, text);
  if (bytes == nullptr) return;  // the exception that there was no room for it
  jobject error = jenv->CallStaticObjectMethod(error_class, error_of, static_cast<jint>(status), bytes,
                                               static_cast<jlong>(retry_after));
  if (!jenv->ExceptionCheck()) jenv->Throw(static_cast<jthrowable>(error));
}

/** Throws a failure, unless there is an exception already. */
inline void Check(JNIEnv *jenv, mq_status status) {
  if (status != MQ_OK && !jenv->ExceptionCheck()) Throw(jenv, status, mq_last_error(), mq_last_retry_after());
}

/** Throws a failure likewise; where a part was done answers after how many ms the rest may be. */
inline jint RetryAfterPart(JNIEnv *jenv, mq_status status) {
  if (status != MQ_PARTIAL) Check(jenv, status);
  return status == MQ_PARTIAL ? static_cast<jint>(std::min<int64_t>(mq_last_retry_after(), INT_MAX)) : 0;
}

/** Null, with an exception, where there is no room. */
inline jbyteArray NewArray(JNIEnv *jenv, size_t size) {
  if (size <= INT_MAX - 8) return jenv->NewByteArray(static_cast<jsize>(size));
  Throw(jenv, MQ_TOO_LARGE, "more than 2 GiB of messages at once: ask for fewer");
  return nullptr;
}

inline void Answer(JNIEnv *jenv, jlongArray array, jlong number) {
  if (array != nullptr && !jenv->ExceptionCheck()) jenv->SetLongArrayRegion(array, 0, 1, &number);
}

inline void Answer(JNIEnv *jenv, jobjectArray array, const char *text) {
  if (array == nullptr || jenv->ExceptionCheck()) return;
  jbyteArray bytes = BytesOf(jenv, text);
  if (bytes != nullptr) jenv->SetObjectArrayElement(array, 0, bytes);
}

/** Memory for one call, without a trip to the heap where it is little. */
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch &) = delete;
  Scratch &operator=(const Scratch &) = delete;
  ~Scratch() {
    if (at_ != near_) std::free(at_);
  }
  /** False, with an exception, where there is no memory. */
  bool Reserve(JNIEnv *jenv, size_t size) {
    if (size > sizeof near_) at_ = static_cast<char *>(std::malloc(size));
    if (at_ == nullptr) ThrowNoMemory(jenv);
    return at_ != nullptr;
  }
  char *at() { return at_; }

 private:
  alignas(8) char near_[512];
  char *at_ = near_;
};

/** A copy of a Java array; at() is NULL for null. */
class Bytes {
 public:
  bool Take(JNIEnv *jenv, jbyteArray array) {
    if (array == nullptr) return true;
    size_ = jenv->GetArrayLength(array);
    if (!memory_.Reserve(jenv, static_cast<size_t>(size_))) return false;
    jenv->GetByteArrayRegion(array, 0, size_, reinterpret_cast<jbyte *>(memory_.at()));
    at_ = memory_.at();
    return true;
  }
  char *at() { return at_; }
  size_t size() const { return static_cast<size_t>(size_); }

 private:
  Scratch memory_;
  char *at_ = nullptr;
  jsize size_ = 0;
};

/** Room for as many numbers as a Java array has. */
class Numbers {
 public:
  bool Reserve(JNIEnv *jenv, jintArray array) {
    size_ = jenv->GetArrayLength(array);
    if (!memory_.Reserve(jenv, size() * sizeof(int32_t))) return false;
    std::memset(memory_.at(), 0, size() * sizeof(int32_t));
    return true;
  }
  void Give(JNIEnv *jenv, jintArray array) {
    if (!jenv->ExceptionCheck()) jenv->SetIntArrayRegion(array, 0, size_, at());
  }
  int32_t *at() { return reinterpret_cast<int32_t *>(memory_.at()); }
  size_t size() const { return static_cast<size_t>(size_); }

 private:
  Scratch memory_;
  jsize size_ = 0;
};

/**
 * A page that a list is written to: a Java byte[][] of one, whose element, or null, is what there is room in. Where
 * that does not do it is replaced by a larger one. A page without messages begins with zeros.
 */
class Page {
 public:
  mq_list *rest = nullptr;  // what a call made

  Page() = default;
  Page(const Page &) = delete;
  Page &operator=(const Page &) = delete;
  ~Page() { mq_list_free(rest); }

  void Take(JNIEnv *jenv, jobjectArray page) {
    page_ = page;
    buffer_ = static_cast<jbyteArray>(jenv->GetObjectArrayElement(page, 0));
  }

  /** After the call: writes the rest, if it made any. */
  void Give(JNIEnv *jenv) {
    if (jenv->ExceptionCheck()) return;
    if (rest == nullptr) {
      Clear(jenv);
      return;
    }
    size_t size = 0;
    if (buffer_ != nullptr && !Write(jenv, buffer_, &size)) return;
    if (rest == nullptr) return;
    if (size == 0 && mq_list_encode(rest, nullptr, 0, &size) != MQ_OK) {
      Check(jenv, MQ_NO_MEMORY);
      return;
    }
    jbyteArray larger = NewArray(jenv, size);
    if (larger == nullptr || !Write(jenv, larger, &size)) return;
    jenv->SetObjectArrayElement(page_, 0, larger);
  }

 private:
  static constexpr jsize kHead = 16;

  void Clear(JNIEnv *jenv) {
    static constexpr jbyte kNothing[kHead] = {};
    if (buffer_ != nullptr && jenv->GetArrayLength(buffer_) >= kHead) {
      jenv->SetByteArrayRegion(buffer_, 0, kHead, kNothing);
    }
  }

  // Ends the rest where there is room, else says how much it takes. False: with an exception.
  bool Write(JNIEnv *jenv, jbyteArray array, size_t *size) {
    const size_t capacity = static_cast<size_t>(jenv->GetArrayLength(array));
    mq_list *list = rest;
    rest = nullptr;
    void *bytes = jenv->GetPrimitiveArrayCritical(array, nullptr);
    if (bytes == nullptr) {
      mq_list_free(list);
      return false;
    }
    const mq_status status = mqs_list_flat(list, bytes, capacity, size, &rest);  // does not wait
    jenv->ReleasePrimitiveArrayCritical(array, bytes, 0);
    Check(jenv, status);
    return status == MQ_OK;
  }

  jobjectArray page_ = nullptr;
  jbyteArray buffer_ = nullptr;
};

/**
 * Room that a call which may wait writes a message to: a byte[][] of one likewise. Where it is too small it is replaced,
 * and the call has to be made again.
 */
class Room {
 public:
  size_t size = 0;

  bool Take(JNIEnv *jenv, jobjectArray page) {
    page_ = page;
    buffer_ = static_cast<jbyteArray>(jenv->GetObjectArrayElement(page, 0));
    capacity_ = jenv->GetArrayLength(buffer_);
    return memory_.Reserve(jenv, capacity());
  }
  void *at() { return memory_.at(); }
  size_t capacity() const { return static_cast<size_t>(capacity_); }

  void Give(JNIEnv *jenv) {
    if (jenv->ExceptionCheck()) return;
    if (size > capacity()) {
      jbyteArray larger = NewArray(jenv, size);
      if (larger != nullptr) jenv->SetObjectArrayElement(page_, 0, larger);
    } else {
      jenv->SetByteArrayRegion(buffer_, 0, static_cast<jsize>(size), reinterpret_cast<const jbyte *>(memory_.at()));
    }
  }

 private:
  Scratch memory_;
  jobjectArray page_ = nullptr;
  jbyteArray buffer_ = nullptr;
  jsize capacity_ = 0;
};

}  // namespace glue

extern "C" JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *) {
  JNIEnv *jenv = nullptr;
  if (vm->GetEnv(reinterpret_cast<void **>(&jenv), JNI_VERSION_1_8) != JNI_OK) return JNI_ERR;
  jclass found = jenv->FindClass("io/agentmq/AgentMQException");
  if (found == nullptr) return JNI_ERR;
  glue::error_class = static_cast<jclass>(jenv->NewGlobalRef(found));
  glue::error_of = jenv->GetStaticMethodID(found, "of", "(I[BJ)Lio/agentmq/AgentMQException;");
  return glue::error_class != nullptr && glue::error_of != nullptr ? JNI_VERSION_1_8 : JNI_ERR;
}
