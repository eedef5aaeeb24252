// Package native is the C API of agentmq as flat functions: what SWIG made of bindings/swig/go.i, and what that needs.
//
// Handles are uintptr. A text of "\x00" stands for NULL; no other text may hold a NUL. Package agentmq is the face.
package native

/*
#cgo CXXFLAGS: -std=c++17 -O2
#include <agentmq/agentmq.h>
#include <stdlib.h>

#include "failure.h"

static int32_t mqg_status(uintptr_t failure) { return ((const mqg_failure *)failure)->status; }
static int64_t mqg_retry_after(uintptr_t failure) { return ((const mqg_failure *)failure)->retry_after; }
static const char *mqg_text(uintptr_t failure) { return (const char *)((const mqg_failure *)failure + 1); }
static void mqg_free(uintptr_t failure) { free((void *)failure); }
static const char *mqg_text_at(uintptr_t text) { return (const char *)text; }
static void mqg_free_text(uintptr_t text) { mq_free((void *)text); }
*/
import "C"

import "fmt"

// Null is the text that goes to C as NULL.
const Null = "\x00"

// Failure is what a call answered that failed.
type Failure struct {
	Status     int32
	Text       string
	RetryAfter int64 // ms; 0: not known
}

func (f *Failure) Error() string { return f.Text }

// Below it the wrapper's answer is a status by itself, above it is a pointer.
const statuses = 4096

// failure takes over what the wrapper made of a status.
func failure(answer uintptr) error {
	if answer == 0 {
		return nil
	}
	if answer < statuses {
		return &Failure{Status: int32(answer), Text: fmt.Sprintf("status %d, and no memory to say more", answer)}
	}
	made := C.uintptr_t(answer)
	defer C.mqg_free(made)
	return &Failure{int32(C.mqg_status(made)), C.GoString(C.mqg_text(made)), int64(C.mqg_retry_after(made))}
}

// textAt copies a text that stays the library's.
func textAt(text uintptr) string {
	return C.GoString(C.mqg_text_at(C.uintptr_t(text)))
}

// Text copies and frees a text that the library handed out; 0 is the empty one.
func Text(text uintptr) string {
	if text == 0 {
		return ""
	}
	defer C.mqg_free_text(C.uintptr_t(text))
	return textAt(text)
}
