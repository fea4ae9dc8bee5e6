package uis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Operator compares a field with a value (Data API, "Filtering"). Several are not allowed by all methods.
type Operator string

// Operators of the Data API. Strings are compared case-sensitively but for the i-forms; like uses %, regexp is POSIX.
const (
	OpEqual      Operator = "="
	OpNotEqual   Operator = "!="
	OpLess       Operator = "<"
	OpGreater    Operator = ">"
	OpLessEq     Operator = "<="
	OpGreaterEq  Operator = ">="
	OpLike       Operator = "like"
	OpILike      Operator = "ilike"
	OpNotLike    Operator = "not_like"
	OpNotILike   Operator = "not_ilike"
	OpRegexp     Operator = "regexp"
	OpJSQuery    Operator = "jsquery" // for fields that hold objects or arrays of objects
	OpIn         Operator = "in"
	OpNotIn      Operator = "not_in"
	OpOverlap    Operator = "overlap"
	OpNotOverlap Operator = "not_overlap"
	OpIsNull     Operator = "is_null"
	OpIsNotNull  Operator = "is_not_null"
)

// Filter is one comparison or a group of filters. The zero value filters nothing.
type Filter struct {
	Field     string
	Operator  Operator
	Value     any
	Condition string // "and" or "or" of a group
	Filters   []Filter
}

// Where compares a field with a value.
func Where(field string, op Operator, value any) Filter {
	return Filter{Field: field, Operator: op, Value: value}
}

// Equal is Where with OpEqual.
func Equal(field string, value any) Filter { return Where(field, OpEqual, value) }

// In matches any of the values; with none of them it matches nothing, so callers should not ask at all.
func In[T any](field string, values ...T) Filter {
	if values == nil {
		values = []T{}
	}
	return Where(field, OpIn, values)
}

// And matches what all filters match; empty ones are left out.
func And(filters ...Filter) Filter { return group("and", filters) }

// Or matches what any filter matches; empty ones are left out.
func Or(filters ...Filter) Filter { return group("or", filters) }

func group(condition string, filters []Filter) Filter {
	var kept []Filter
	for _, f := range filters {
		if !f.IsZero() {
			kept = append(kept, f)
		}
	}
	switch len(kept) {
	case 0:
		return Filter{}
	case 1:
		return kept[0]
	}
	return Filter{Condition: condition, Filters: kept}
}

// IsZero reports whether the filter filters nothing.
func (f Filter) IsZero() bool { return f.Field == "" && len(f.Filters) == 0 }

// MarshalJSON writes the simple or the tree form; is_null and is_not_null carry the value null.
func (f Filter) MarshalJSON() ([]byte, error) {
	if len(f.Filters) > 0 {
		return encode(struct {
			Filters   []Filter `json:"filters"`
			Condition string   `json:"condition"`
		}{f.Filters, f.Condition})
	}
	return encode(struct {
		Field    string   `json:"field"`
		Operator Operator `json:"operator"`
		Value    any      `json:"value"`
	}{f.Field, f.Operator, f.Value})
}

// Sort orders by a field the page marks as sortable.
type Sort struct {
	Field string
	Desc  bool
}

// MarshalJSON writes {"field","order"}.
func (s Sort) MarshalJSON() ([]byte, error) {
	order := "asc"
	if s.Desc {
		order = "desc"
	}
	return json.Marshal(map[string]string{"field": s.Field, "order": order})
}

// Query are the parameters that every get.* method shares. The zero value asks for the first 1000 rows with their default fields.
type Query struct {
	// From and Till bound a report, both inclusive; methods that are no reports ignore nothing: leave them zero there.
	// At most three months apart, 30 days for chat messages.
	From, Till time.Time
	// Zone is the account's time zone (Account.Location); nil means UTC.
	Zone *time.Location
	// Filter is left out when empty.
	Filter Filter
	// Fields names the wanted fields; empty: the page's default ones.
	Fields []string
	Sort   []Sort
	// Limit is at most MaxLimit, 0 means the platform's default of 1000. Offset is at most MaxOffset.
	Limit, Offset int
	// Extra are further parameters of the method (include_ongoing_calls, is_deleted, chat_ids …).
	Extra map[string]any
}

// Bounds of one request (Data API, "Paging").
const (
	DefaultLimit = 1000
	MaxLimit     = 10000
	MaxOffset    = 100000
)

// ErrTooManyRows means that a listing is longer than the platform lets anyone page through (MaxOffset): narrow the dates or the filter.
var ErrTooManyRows = errors.New("uis: more rows than can be paged through")

// Params are the query as a command's parameters.
func (q Query) Params() map[string]any { return q.params() }

func (q Query) params() map[string]any {
	p := make(map[string]any, 8+len(q.Extra))
	for name, value := range q.Extra {
		p[name] = value
	}
	if !q.From.IsZero() {
		p["date_from"] = Wall(q.From, q.Zone)
	}
	if !q.Till.IsZero() {
		p["date_till"] = Wall(q.Till, q.Zone)
	}
	if !q.Filter.IsZero() {
		p["filter"] = q.Filter
	}
	if len(q.Fields) > 0 {
		p["fields"] = q.Fields
	}
	if len(q.Sort) > 0 {
		p["sort"] = q.Sort
	}
	if q.Limit > 0 {
		p["limit"] = q.Limit
	}
	if q.Offset > 0 {
		p["offset"] = q.Offset
	}
	return p
}

// Lister is any of the client's listing methods, as in All(ctx, client.Employees, Query{}).
type Lister[T any] func(context.Context, Query) ([]T, Metadata, error)

// All walks every row of a listing, page by page, starting at q.Offset. It ends at a short page or at total_items; the error, if any, comes last.
// Rows that appear or vanish between two pages may be missed or seen twice, so sort by something stable where that matters.
func All[T any](ctx context.Context, list Lister[T], q Query) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		size := q.Limit
		if size <= 0 {
			size = DefaultLimit
		}
		q.Limit = size
		for {
			if q.Offset > MaxOffset {
				yield(none, fmt.Errorf("%w: offset %d", ErrTooManyRows, q.Offset))
				return
			}
			rows, metadata, err := list(ctx, q)
			if err != nil {
				yield(none, err)
				return
			}
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			q.Offset += len(rows)
			if len(rows) == 0 || (len(rows) < size && q.Offset >= metadata.TotalItems) || (metadata.TotalItems > 0 && q.Offset >= metadata.TotalItems) {
				return
			}
		}
	}
}

// Collect gathers a walk into a slice.
func Collect[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var all []T
	for row, err := range seq {
		if err != nil {
			return all, err
		}
		all = append(all, row)
	}
	return all, nil
}
