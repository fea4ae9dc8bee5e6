// Package e2e proves the whole product from outside: real `omni serve` processes on one PostgreSQL between the sandbox portal and the sandbox UIS.
package e2e
