#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/bus.hpp"

namespace agentmq {

// Messages as one flat text, little-endian and versioned, so that a batch crosses into another language in one call:
// docs/encoding.md is the reference.
using MessageViews = std::span<const Message* const>;
size_t EncodedSize(MessageViews messages);
void EncodeMessages(MessageViews messages, std::span<char> out);  // exactly EncodedSize() bytes

// Messages to be published; of each entry what a sender may set. kInvalid with the place where it is malformed.
Result<Messages> DecodeMessages(std::string_view encoded);

}  // namespace agentmq
