//go:build tools

// Package operator names the program that tests run, so that go.mod and go.sum hold what it needs.
package operator

import _ "github.com/prometheus-operator/prometheus-operator/cmd/operator"
