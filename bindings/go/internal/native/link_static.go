//go:build agentmq_static

package native

// The archive comes first, so that nothing is left to be asked of the shared library where both are installed.

// #cgo pkg-config: --static agentmq
// #cgo LDFLAGS: -l:libagentmq.a -Wl,--as-needed
import "C"
