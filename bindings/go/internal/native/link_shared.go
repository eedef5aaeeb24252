//go:build !agentmq_static

package native

// #cgo pkg-config: agentmq
import "C"
