package portal

type callState struct{}

func newCalls() *callState                    { return &callState{} }
func (s *callState) dropApp(app string)       {}
func telephonyLineMethods() []*method         { return nil }
func telephonyCallMethods() []*method         { return nil }
func robotMethods() []*method                 { return nil }
func (s *callState) file(int) *storedFile     { return nil }
func (s *callState) recordOf(int) *storedFile { return nil }

type callView struct{ CallID, Title, Phone, Client, URL, Line string }

func (p *Portal) openCards(int) []callView                    { return nil }
func (p *Portal) clickToCall(u *User, number string, o owner) {}
func (p *Portal) simulate(name string, read func(any) error) (any, error) {
	return nil, errUnknownControl(name)
}
