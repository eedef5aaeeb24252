// C#: handles are SafeHandles that the marshaller holds during each call, texts and buffers are pinned byte arrays, and
// a failing status becomes an exception before anything else runs on the thread, so that its text is its own.
%module Native

%pragma(csharp) moduleclassmodifiers="internal static class"
%pragma(csharp) imclassclassmodifiers="internal class"
%pragma(csharp) moduleimports="#nullable enable\n"
%pragma(csharp) imclassimports="#nullable enable\n"

// The public enums are written by hand.
%rename("$ignore", %$isenum) "";
%rename("$ignore", %$isenumitem) "";
%rename("$ignore", %$isconstant) "";

%typemap(ctype) mq_status "int"
%typemap(imtype) mq_status "int"
%typemap(cstype) mq_status "Status"
%typemap(in) mq_status %{ $1 = static_cast<mq_status>($input); %}
%typemap(csin) mq_status "(int)$csinput"
%typemap(out) mq_status %{ $result = $1; %}
%typemap(csout) mq_status { return Errors.Checked($imcall); }

%typemap(ctype) mq_failure "int"
%typemap(imtype) mq_failure "int"
%typemap(cstype) mq_failure "Failure"
%typemap(in) mq_failure %{ $1 = static_cast<mq_failure>($input); %}
%typemap(csin) mq_failure "(int)$csinput"

%typemap(ctype) mq_state "int"
%typemap(imtype) mq_state "int"
%typemap(cstype) mq_state "MessageState"
%typemap(in) mq_state %{ $1 = static_cast<mq_state>($input); %}
%typemap(csin) mq_state "(int)$csinput"

%define AGENTMQ_POINTER(TYPE, CTYPE, CSTYPE, MODIFIER)
%typemap(ctype) TYPE "CTYPE"
%typemap(imtype) TYPE "MODIFIER CSTYPE"
%typemap(cstype) TYPE "MODIFIER CSTYPE"
%typemap(csin) TYPE "MODIFIER $csinput"
%typemap(in) TYPE %{ $1 = static_cast<$1_ltype>($input); %}
%enddef

%define AGENTMQ_HANDLE(TYPE, CLASS)
AGENTMQ_POINTER(const TYPE *, void *, CLASS, )
AGENTMQ_POINTER(TYPE *, void *, CLASS, )
AGENTMQ_POINTER(TYPE *freed, void *, System.IntPtr, )
%typemap(ctype) TYPE ** "void **"
%typemap(imtype) TYPE ** "out CLASS"
%typemap(cstype) TYPE ** "out CLASS"
%typemap(csin) TYPE ** "out $csinput"
%typemap(in) TYPE ** %{ $1 = reinterpret_cast<TYPE **>($input); %}
%typemap(out) TYPE * %{ $result = $1; %}
%typemap(csout) TYPE * { return $imcall; }
%enddef

AGENTMQ_HANDLE(mq_bus, BusHandle)
AGENTMQ_HANDLE(mq_subscription, SubscriptionHandle)
AGENTMQ_HANDLE(mq_config, ConfigHandle)
AGENTMQ_HANDLE(mq_cancel, CancelHandle)
AGENTMQ_HANDLE(mq_list, System.IntPtr)

// Texts go in as UTF-8 with a NUL, null stays NULL; they come out as pointers that the face reads, and frees where they
// are its own.
%typemap(ctype) const char * "const char *"
%typemap(imtype, out="System.IntPtr") const char * "byte[]?"
%typemap(cstype, out="System.IntPtr") const char * "string?"
%typemap(csin) const char * "Text.Bytes($csinput)"
%typemap(in) const char * %{ $1 = const_cast<char *>($input); %}
%typemap(out) const char * %{ $result = $1; %}
%typemap(csout) const char * { return $imcall; }
%typemap(freearg) const char * ""
%typemap(ctype) char ** "void *"
%typemap(imtype) char ** "out System.IntPtr"
%typemap(cstype) char ** "out System.IntPtr"
%typemap(csin) char ** "out $csinput"
%typemap(in) char ** %{ $1 = static_cast<char **>($input); %}

AGENTMQ_POINTER(const void *data, void *, byte[], )
AGENTMQ_POINTER(const void *targets, void *, byte[], )
AGENTMQ_POINTER(void *buffer, void *, byte[], )
AGENTMQ_POINTER(void *pointer, void *, System.IntPtr, )
AGENTMQ_POINTER(int32_t *results, int *, int[], )
AGENTMQ_POINTER(size_t *size, size_t *, nuint, out)
AGENTMQ_POINTER(int64_t *count, int64_t *, long, out)
AGENTMQ_POINTER(int *deleted, int *, int, out)
%apply int64_t *count { int64_t *removed, int64_t *recovered, int64_t *replayed, int64_t *purged,
                           int64_t *dropped, int64_t *gaps };
%typemap(ctype) mq_health_state *state "void *"
%typemap(imtype) mq_health_state *state "out int"
%typemap(cstype) mq_health_state *state "out int"
%typemap(csin) mq_health_state *state "out $csinput"
%typemap(in) mq_health_state *state %{ $1 = static_cast<mq_health_state *>($input); %}

%typemap(ctype) mq_state *reached "void *"
%typemap(imtype) mq_state *reached "out int"
%typemap(cstype) mq_state *reached "out int"
%typemap(csin) mq_state *reached "out $csinput"
%typemap(in) mq_state *reached %{ $1 = static_cast<mq_state *>($input); %}

%typemap(ctype) size_t "size_t"
%typemap(imtype) size_t "nuint"
%typemap(cstype) size_t "nuint"
%typemap(csin) size_t "$csinput"
%typemap(in) size_t %{ $1 = $input; %}
%typemap(out) size_t %{ $result = $1; %}
%typemap(csout) size_t { return $imcall; }

// What ends a handle takes the bare pointer: SafeHandle.ReleaseHandle() calls it. Declared before the header, so that
// the parameter's name is this one.
mq_status agentmq_close(mq_bus *freed);
void mq_subscription_free(mq_subscription *freed);
void mq_config_free(mq_config *freed);
void mq_cancel_free(mq_cancel *freed);
void mq_free(void *pointer);

%include "agentmq.i"
