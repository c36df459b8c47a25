//go:build tools

// Package coredns names the program that the lab builds, so that go.mod and go.sum hold what it needs.
package coredns

import _ "github.com/coredns/coredns"
