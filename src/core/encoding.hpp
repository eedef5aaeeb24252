#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/bus.hpp"

namespace agentmq {

// Messages as one flat text, little-endian and versioned, so that a batch crosses into another language in one call:
// docs/encoding.md is the reference.
// Answers the size; into nothing that is all, else kTooLarge where it does not fit, and nothing is written.
// Empty places of a list are left out.
Status Encode(std::span<const std::unique_ptr<Message>> messages, std::span<char> out, size_t* size);
Status Encode(const Message& message, std::span<char> out, size_t* size);

// Messages to be published; of each entry what a sender may set. kInvalid with the place where it is malformed.
Result<Messages> DecodeMessages(std::string_view encoded);

}  // namespace agentmq
