package bitrix24_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/bitrix24"
)

// TestSystemErrors is the table of system error codes: what each means and whether the call may have run.
func TestSystemErrors(t *testing.T) {
	t.Parallel()
	const no, unknown = bitrix24.NotExecuted, bitrix24.Unknown
	for _, c := range []struct {
		http     int
		code     string
		words    string
		class    bitrix24.Class
		executed bitrix24.Executed
	}{
		{401, "expired_token", "The access token provided has expired.", bitrix24.TokenExpired, no},
		{401, "invalid_token", "", bitrix24.TokenExpired, no},
		{401, "NO_AUTH_FOUND", "Wrong authorization data", bitrix24.AuthRefused, no},
		{403, "insufficient_scope", "", bitrix24.InsufficientScope, no},
		{403, "INVALID_CREDENTIALS", "", bitrix24.AccessDenied, no},
		{403, "user_access_error", "", bitrix24.AccessDenied, no},
		{403, "ACCESS_DENIED", "REST API is available only on commercial plans.", bitrix24.PaymentRequired, no},
		{403, "ACCESS_DENIED", "Access denied!", bitrix24.AccessDenied, no},
		{400, "ACCESS_DENIED", "Application context required", bitrix24.AccessDenied, no},
		{403, "WRONG_AUTH_TYPE", "Application context required", bitrix24.AccessDenied, no},
		{401, "METHOD_CONFIRM_WAITING", "", bitrix24.AccessDenied, no},
		{403, "METHOD_CONFIRM_DENIED", "", bitrix24.AccessDenied, no},
		{400, "INVALID_REQUEST", "Https required.", bitrix24.Invalid, no},
		{400, "ERROR_ARGUMENT", "Argument 'LINE' is null or empty", bitrix24.Invalid, no},
		{400, "ERROR_CORE", "Unable to set event handler: Handler already binded", bitrix24.Already, no},
		{400, "ERROR_CORE", "Line already exists", bitrix24.Already, no},
		{400, "ERROR_CORE", "User is not found or is not active", bitrix24.NotFound, no},
		{400, "ERROR_CORE", "Unknown TYPE", bitrix24.Invalid, no},
		{400, "", "Access denied.", bitrix24.AccessDenied, no},
		{400, "0", "Access denied.", bitrix24.AccessDenied, no},
		{400, "100", "Could not find value for parameter {fields}", bitrix24.Invalid, no},
		{400, "ERROR_NOT_FOUND", "", bitrix24.NotFound, no},
		{400, "NOT_FOUND", "", bitrix24.NotFound, no},
		{400, "ERROR_OAUTH", "Application not installed", bitrix24.AuthRefused, no},
		{401, "ERROR_OAUTH", "Subscription has been ended", bitrix24.PaymentRequired, no},
		{400, "WRONG_ENCODING", "", bitrix24.Invalid, no},
		{400, "INTERNAL_WRONG_TRANSPORT", "", bitrix24.Invalid, no},
		{404, "ERROR_METHOD_NOT_FOUND", "Method not found!", bitrix24.MethodNotFound, no},
		{404, "ERROR_MANIFEST_IS_NOT_AVAILABLE", "", bitrix24.MethodNotFound, no},
		{405, "ERROR_BATCH_METHOD_NOT_ALLOWED", "", bitrix24.Invalid, no},
		{400, "ERROR_BATCH_LENGTH_EXCEEDED", "", bitrix24.Invalid, no},
		{429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.", bitrix24.OperatingLimit, no},
		{503, "QUERY_LIMIT_EXCEEDED", "Too many requests", bitrix24.RateLimited, no},
		{503, "OVERLOAD_LIMIT", "REST API is blocked due to overload.", bitrix24.Overload, no},
		{401, "OVERLOAD_LIMIT", "", bitrix24.Overload, no},
		{500, "INTERNAL_SERVER_ERROR", "", bitrix24.Server, unknown},
		{500, "ERROR_UNEXPECTED_ANSWER", "", bitrix24.Server, unknown},
		{500, "PORTAL_DELETED", "", bitrix24.PortalGone, no},
		{403, "portal_deleted", "", bitrix24.PortalGone, no},
		// of the authorization server
		{400, "invalid_grant", "", bitrix24.AuthRefused, no},
		{401, "invalid_client", "", bitrix24.AuthRefused, no},
		{400, "bad_verification_code", "", bitrix24.AuthRefused, no},
		{400, "invalid_scope", "", bitrix24.InsufficientScope, no},
		{403, "PAYMENT_REQUIRED", "", bitrix24.PaymentRequired, no},
		{401, "CONNECTION_ERROR", "", bitrix24.Server, no},
		// without a code that says anything
		{502, "", "", bitrix24.Server, unknown},
		{503, "SOMETHING_NEW", "", bitrix24.Server, unknown},
		{500, "ERROR_CORE", "Call is not found", bitrix24.NotFound, unknown},
		{403, "SOMETHING_NEW", "", bitrix24.AccessDenied, no},
		{400, "SOMETHING_NEW", "", bitrix24.Invalid, no},
		{400, "NO_ANSWER", "", bitrix24.Server, unknown},
		{400, "NOT_REACHED", "", bitrix24.Invalid, no},
	} {
		for _, code := range []string{c.code, strings.ToLower(c.code), strings.ToUpper(c.code)} {
			e := &bitrix24.Error{HTTP: c.http, Code: code, Description: c.words, Method: "crm.item.add"}
			require.Equal(t, c.class, e.Class(), "%d %s %s", c.http, code, c.words)
			require.Equal(t, c.executed, e.Executed(), "%d %s %s", c.http, code, c.words)
			require.Equal(t, "error.b24."+string(c.class), e.LocaleKey())
		}
	}
}

func TestErrorsWorkWithErrorsIs(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("send: %w", &bitrix24.Error{HTTP: 503, Code: "QUERY_LIMIT_EXCEEDED"})
	require.ErrorIs(t, err, bitrix24.ErrRateLimited)
	require.NotErrorIs(t, err, bitrix24.ErrTokenExpired)
	lost := &bitrix24.Error{Cause: context.DeadlineExceeded, Sent: true}
	require.ErrorIs(t, lost, bitrix24.ErrTransport)
	require.ErrorIs(t, lost, context.DeadlineExceeded)
	require.ErrorIs(t, &bitrix24.Error{Code: "NO_ANSWER", HTTP: 502}, bitrix24.ErrNoAnswer)
}

func TestExecutedByAnyError(t *testing.T) {
	t.Parallel()
	require.Equal(t, bitrix24.WasExecuted, bitrix24.ExecutedBy(nil))
	require.Equal(t, bitrix24.NotExecuted, bitrix24.ExecutedBy(fmt.Errorf("batch: %w", bitrix24.ErrBatchUnsafe)))
	require.Equal(t, bitrix24.Unknown, bitrix24.ExecutedBy(&bitrix24.Error{Cause: errors.New("reset"), Sent: true}))
	require.Equal(t, bitrix24.NotExecuted, bitrix24.ExecutedBy(&bitrix24.Error{Cause: errors.New("refused"), Sent: false}))
}
