package portal

import "net/http"

type dialog struct{}
type callState struct{}

func newCalls() *callState              { return &callState{} }
func (s *callState) dropApp(app string) {}

func connectorChatName(c *call) (any, error) { return nil, nil }
func connectorMessageMethods() []*method     { return nil }
func openLineMethods() []*method             { return nil }
func telephonyLineMethods() []*method        { return nil }
func telephonyCallMethods() []*method        { return nil }
func robotMethods() []*method                { return nil }

func (p *Portal) servePage(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }
func (p *Portal) viewer(r *http.Request) int                       { return 1 }

func (p *Portal) simulate(name string, read func(any) error) (any, error) {
	return nil, errUnknownControl(name)
}
