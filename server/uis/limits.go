package uis

import "time"

// Metadata comes with every answer of the Data and Call API.
type Metadata struct {
	TotalItems int
	Limits     Limits
	// Deprecated says that the version of the API in the URL will be switched off (kept for two months after a new one).
	Deprecated bool
}

// Limits are the points left, as of one answer. One call is one point, only successful calls are charged (Data API, "Limits").
// Known is false when the answer had none, which is so for parse, authentication and address errors.
type Limits struct {
	Known                        bool
	DayLimit, DayRemaining       int
	MinuteLimit, MinuteRemaining int
	DayReset, MinuteReset        time.Duration // until the counter starts anew
}

type wireMetadata struct {
	TotalItems Count `json:"total_items"`
	Limits     *struct {
		DayLimit        Count   `json:"day_limit"`
		DayRemaining    Count   `json:"day_remaining"`
		DayReset        Seconds `json:"day_reset"`
		MinuteLimit     Count   `json:"minute_limit"`
		MinuteRemaining Count   `json:"minute_remaining"`
		MinuteReset     Seconds `json:"minute_reset"`
	} `json:"limits"`
	APIVersion struct {
		Deprecated bool `json:"current_version_deprecated"`
		Depricated bool `json:"current_version_depricated"` // spelt so by the Call API
	} `json:"api_version"`
}

func (w wireMetadata) metadata() Metadata {
	m := Metadata{TotalItems: int(w.TotalItems), Deprecated: w.APIVersion.Deprecated || w.APIVersion.Depricated}
	if l := w.Limits; l != nil {
		m.Limits = Limits{
			Known: true, DayLimit: int(l.DayLimit), DayRemaining: int(l.DayRemaining), DayReset: l.DayReset.Duration(),
			MinuteLimit: int(l.MinuteLimit), MinuteRemaining: int(l.MinuteRemaining), MinuteReset: l.MinuteReset.Duration(),
		}
	}
	return m
}
