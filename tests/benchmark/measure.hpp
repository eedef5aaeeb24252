#pragma once

#include <cstdint>
#include <vector>

namespace agentmq::bench {

// A steady clock.
int64_t Nanoseconds();
// What this process has used so far, all threads.
double ClientCpuSeconds();
// Memory requests of this process while they are counted; counting costs a little, so that it is off else.
void CountAllocations(bool on);
int64_t Allocations();

double Median(std::vector<double> values);

}  // namespace agentmq::bench
