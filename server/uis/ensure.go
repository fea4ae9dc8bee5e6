package uis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// ErrSystemAdapter means that the wanted adapter type belongs to the vendor (owner null), so nobody can change it.
var ErrSystemAdapter = errors.New("uis: the adapter is a system adapter")

// Step is what a plan wants done.
type Step string

// Steps of a plan.
const (
	StepNothing Step = "nothing"
	StepCreate  Step = "create"
	StepPatch   Step = "patch"
)

// AdapterPlan says what makes the account's adapter what it should be, and why.
type AdapterPlan struct {
	Step    Step
	Have    ChatAdapter   // the adapter that was found, zero for StepCreate
	Fields  AdapterFields // what to send
	Reasons []string      // wire names of the fields that differ
}

// PlanAdapter compares the adapters that exist with the one that should. An adapter is found by its type. Fields of want that are empty are left
// alone. Secrets cannot be read back: they are sent along with any other change, and with setSecrets also when nothing else differs.
func PlanAdapter(have []ChatAdapter, want AdapterFields, setSecrets bool) (AdapterPlan, error) {
	i := slices.IndexFunc(have, func(a ChatAdapter) bool { return a.Type == want.Type })
	if i < 0 {
		return AdapterPlan{Step: StepCreate, Fields: want, Reasons: []string{"missing"}}, nil
	}
	found := have[i]
	if found.Owner == nil {
		return AdapterPlan{Step: StepNothing, Have: found}, fmt.Errorf("%w: %s", ErrSystemAdapter, want.Type)
	}
	plan := AdapterPlan{Step: StepNothing, Have: found}
	differs := func(name, want, have string) {
		if want != "" && want != have {
			plan.Reasons = append(plan.Reasons, name)
		}
	}
	differs("name", want.Name, found.Name)
	differs("login", want.Login, found.Login)
	differs("status", want.Status, found.Status)
	differs("webhook_url", want.WebhookURL, found.WebhookURL)
	if found.WebhookVersion != "" { // the vendor's example leaves it out of answers
		differs("webhook_version", want.WebhookVersion, found.WebhookVersion)
	}
	if len(want.ChannelTypes) > 0 && !sameSet(want.ChannelTypes, found.ChannelTypes) {
		plan.Reasons = append(plan.Reasons, "supported_channel_types")
	}
	if setSecrets {
		plan.Reasons = append(plan.Reasons, "secrets")
	}
	if len(plan.Reasons) > 0 {
		plan.Step, plan.Fields = StepPatch, want
		plan.Fields.Type = ""
	}
	return plan, nil
}

// EnsureAdapter lists adapters, then creates or patches what PlanAdapter says. Repeating it is harmless, also after an unclear outcome.
func (m *Management) EnsureAdapter(ctx context.Context, want AdapterFields, setSecrets bool) (ChatAdapter, AdapterPlan, error) {
	have, err := m.Adapters(ctx)
	if err != nil {
		return ChatAdapter{}, AdapterPlan{}, fmt.Errorf("listing adapters: %w", err)
	}
	plan, err := PlanAdapter(have, want, setSecrets)
	if err != nil {
		return ChatAdapter{}, plan, err
	}
	result := plan.Have
	switch plan.Step {
	case StepCreate:
		if result, err = m.CreateAdapter(ctx, plan.Fields); err != nil {
			return ChatAdapter{}, plan, fmt.Errorf("creating adapter %s: %w", want.Type, err)
		}
	case StepPatch:
		if result, err = m.PatchAdapter(ctx, plan.Have.ID, plan.Fields); err != nil {
			return ChatAdapter{}, plan, fmt.Errorf("changing adapter %d: %w", plan.Have.ID, err)
		}
		if result.ID == 0 {
			result.ID = plan.Have.ID
		}
	}
	return result, plan, nil
}

// AccountPlan says what makes the connection what it should be, and why.
type AccountPlan struct {
	Step    Step
	Have    Connection // the connection that was found, zero for StepCreate
	Want    Connection // what to send
	Reasons []string
}

// PlanAccount compares the connections that exist with the one that should. It is found by want.ID, else among those of the adapter by name, else
// it is the adapter's only one. Keys of the context that want does not name are left alone.
func PlanAccount(have []Connection, want Connection) AccountPlan {
	found, ok := findConnection(have, want)
	if !ok {
		return AccountPlan{Step: StepCreate, Want: want, Reasons: []string{"missing"}}
	}
	plan := AccountPlan{Step: StepNothing, Have: found}
	if want.Name != found.Name {
		plan.Reasons = append(plan.Reasons, "name")
	}
	if !sameSet(want.Channels, found.Channels) {
		plan.Reasons = append(plan.Reasons, "channels")
	}
	merged := maps.Clone(found.Context)
	if merged == nil {
		merged = map[string]any{}
	}
	for key, value := range want.Context {
		if !reflect.DeepEqual(merged[key], value) {
			merged[key] = value
			plan.Reasons = append(plan.Reasons, "context."+key)
		}
	}
	if len(plan.Reasons) > 0 {
		slices.Sort(plan.Reasons)
		plan.Step, plan.Want = StepPatch, want
		plan.Want.ID, plan.Want.Context = found.ID, merged
	}
	return plan
}

func findConnection(have []Connection, want Connection) (Connection, bool) {
	var ofAdapter []Connection
	for _, one := range have {
		if want.ID != 0 && one.ID == want.ID {
			return one, true
		}
		if one.AdapterID == want.AdapterID {
			ofAdapter = append(ofAdapter, one)
		}
	}
	for _, one := range ofAdapter {
		if one.Name == want.Name {
			return one, true
		}
	}
	if len(ofAdapter) == 1 {
		return ofAdapter[0], true
	}
	return Connection{}, false
}

// EnsureAccount lists connections, then creates or patches what PlanAccount says. Repeating it is harmless, also after an unclear outcome.
func (m *Management) EnsureAccount(ctx context.Context, want Connection) (Connection, AccountPlan, error) {
	have, err := m.Accounts(ctx)
	if err != nil {
		return Connection{}, AccountPlan{}, fmt.Errorf("listing connections: %w", err)
	}
	plan := PlanAccount(have, want)
	result := plan.Have
	switch plan.Step {
	case StepCreate:
		if result, err = m.CreateAccount(ctx, plan.Want); err != nil {
			return Connection{}, plan, fmt.Errorf("connecting adapter %d: %w", want.AdapterID, err)
		}
	case StepPatch:
		if result, err = m.PatchAccount(ctx, plan.Have.ID, plan.Want); err != nil {
			return Connection{}, plan, fmt.Errorf("changing connection %d: %w", plan.Have.ID, err)
		}
		if result.ID == 0 {
			result.ID = plan.Have.ID
		}
	}
	return result, plan, nil
}

func sameSet[T comparable](a, b []T) bool {
	seen := make(map[T]bool, len(a))
	for _, one := range a {
		seen[one] = true
	}
	other := make(map[T]bool, len(b))
	for _, one := range b {
		other[one] = true
	}
	return maps.Equal(seen, other)
}
