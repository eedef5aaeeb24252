/* A program that never heard of agentmq. */
int posix_round_trip(void);

int main(void) { return posix_round_trip(); }
