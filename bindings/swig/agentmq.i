// What all three languages share: the C header as it is, and the shim. Each language's own file says how values cross.
//
// No callbacks cross: handlers and asynchronous publishing are loops over batches, written in each language.
%{
#include <agentmq/agentmq.h>
#include "shim.hpp"
%}

// Not <stdint.i>: it makes int64_t a long long, which is another type on Linux, or cuts it to 32 bits.
%apply int { int32_t };
%apply long long { int64_t };
%apply unsigned int { uint32_t };

%include "left_out.i"
%include <agentmq/export.h>
%include <agentmq/agentmq.h>
%include "shim.hpp"
