package uisplatform

// rpcError is the error object of the Data API and Call API (documentation, "Errors"): the code is a group, the mnemonic is what to branch on.
type rpcError struct {
	code     int
	mnemonic string
	text     string
	field    string
	value    any
	params   map[string]any
	metadata map[string]any
}

var rpcErrors = map[string]struct {
	code int
	text string
}{
	"parse_error":                          {-32700, "Invalid JSON was received by the server."},
	"invalid_request":                      {-32600, "Invalid Request The JSON sent is not a valid Request object"},
	"method_not_found":                     {-32601, "The method does not exist / is not available"},
	"access_token_expired":                 {-32001, "Access token has been expired"},
	"access_token_blocked":                 {-32001, "Access token has been blocked"},
	"access_token_invalid":                 {-32001, "Access token is invalid"},
	"auth_error":                           {-32001, "Login or password is wrong"},
	"contact_in_blacklist":                 {-32002, "Contact is in the black list"},
	"ip_not_whitelisted":                   {-32003, "Your IP is not whitelisted"},
	"forbidden":                            {-32003, "Permission denied"},
	"invalid_state":                        {-32004, "Invalid state of the call"},
	"virtual_phone_number_not_found":       {-32007, "Virtual phone number not found"},
	"method_component_disabled":            {-32008, "You need at least on of the following components to access this method"},
	"component_disabled":                   {-32008, "You need at least on of the following components to access this method"},
	"account_inactive":                     {-32009, "Your account has been disabled, contact the support service"},
	"limit_exceeded":                       {-32029, "Limit has been exceeded"},
	"internal_error":                       {-32603, "Internal error, contact the support service"},
	"batch_opreations_not_supported":       {-32099, "Batch operations not supported"},
	"notifications_not_supported":          {-32099, "Notifications not supported"},
	"data_type_error":                      {-32602, "Data supplied is of wrong type"},
	"required_parameter_missed":            {-32602, "The required parameter has been missed"},
	"invalid_parameter_value":              {-32602, "Invalid parameter value"},
	"unexpected_parameters":                {-32602, "Unexpected method parameter(s)"},
	"invalid_parameters_combination":       {-32602, "The combination of parameters is not permitted"},
	"sort_prohibited":                      {-32602, "Sort by parameter is prohibited"},
	"filter_prohibited":                    {-32602, "Filter by parameter is prohibited"},
	"date_interval_limit_reached":          {-32602, "Max value of requested date interval has been reached"},
	"entity_not_found":                     {-32602, "Entity not found"},
	"duplicate_entity":                     {-32602, "Entity already exists"},
	"employee_not_found":                   {-32602, "Employee not found"},
	"no_active_phone_number":               {-32602, "Employee has no active phone number"},
	"scenario_not_found":                   {-32602, "Scenario not found"},
	"call_session_not_found":               {-32602, "Call session not found"},
	"tag_not_found":                        {-32602, "Tag not found"},
	"duplicate_tag":                        {-32602, "Tag is already set"},
	"media_file_not_found":                 {-32602, "Media file not found"},
	"tts_text_exceeded":                    {-32602, "TTS text is too long"},
	"own_virtual_phone_number_not_allowed": {-32602, "Own virtual phone number is not allowed as contact"},
}

// callersFault are the mnemonics a correct caller never gets.
var callersFault = []string{"parse_error", "invalid_request", "method_not_found", "batch_opreations_not_supported", "notifications_not_supported", "data_type_error",
	"required_parameter_missed", "invalid_parameter_value", "unexpected_parameters", "invalid_parameters_combination", "sort_prohibited", "filter_prohibited",
	"date_interval_limit_reached"}

func fail(mnemonic, field string, value any) *rpcError {
	d := rpcErrors[mnemonic]
	return &rpcError{code: d.code, mnemonic: mnemonic, text: d.text, field: field, value: value}
}
