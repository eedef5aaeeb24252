module agentmq.dev/go

go 1.19
