package bitrix24

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
)

// PageSize is how many rows nearly every list method answers at once (docs: list methods).
const PageSize = 50

// Sender sends one call: Client.To(target), or whatever queue stands before it.
type Sender func(context.Context, Call) (*Answer, error)

// To is the client as a Sender to one target.
func (c *Client) To(to Target) Sender {
	return func(ctx context.Context, call Call) (*Answer, error) { return c.Call(ctx, to, call) }
}

// Rows walks all pages of a list by `next`, row by row. rows takes them out of a result (DecodeList, or Items for crm.item.list). An error ends the walk.
// What is added or deleted meanwhile shifts the pages: rows may come twice or be missed. Scan does not have that.
func Rows[T any](ctx context.Context, send Sender, call Call, rows func(json.RawMessage) ([]T, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		call := call.with(nil)
		for {
			page, answer, err := onePage(ctx, send, call, rows)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, row := range page {
				if !yield(row, nil) {
					return
				}
			}
			start, _ := call.Params["start"].(int)
			if answer.Next == nil || *answer.Next <= start { // a next that does not move would never end
				return
			}
			call = call.with(Params{"start": *answer.Next})
		}
	}
}

// Keys name what Scan pages by, as the method spells it.
type Keys struct {
	// Filter is the filter's parameter ("filter", "FILTER" for user.get), ID the field ("id" for crm.item.list, else "ID").
	Filter, ID string
	// Order is what makes the method sort by ID upwards, e.g. {"order": {"id": "ASC"}}, or {"sort": "ID", "order": "ASC"} for user.get.
	Order Params
}

// Keys of the lists that are worth scanning.
var (
	ItemKeys = Keys{Filter: "filter", ID: "id", Order: Params{"order": Params{"id": "ASC"}}}
	ListKeys = Keys{Filter: "filter", ID: "ID", Order: Params{"order": Params{"ID": "ASC"}}}
	UserKeys = Keys{Filter: "FILTER", ID: "ID", Order: Params{"sort": "ID", "order": "ASC"}}
)

// Scan walks a list by id with start=-1, so that the portal counts nothing: the way for large lists (docs: huge data). Rows come in the order of their ids, each once,
// whatever is added or deleted meanwhile. after is the last id of an earlier walk, 0 from the start. idOf gives a row's id.
func Scan[T any](ctx context.Context, send Sender, call Call, keys Keys, after int64, rows func(json.RawMessage) ([]T, error), idOf func(T) int64) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var none T
		for {
			page, _, err := onePage(ctx, send, call.after(keys, after), rows)
			if err != nil {
				yield(none, err)
				return
			}
			for _, row := range page {
				id := idOf(row)
				if id <= after {
					yield(none, fmt.Errorf("bitrix24 %s: row %d came after %d: the portal does not sort or filter by id", call.Method, id, after))
					return
				}
				after = id
				if !yield(row, nil) {
					return
				}
			}
			if len(page) < PageSize {
				return
			}
		}
	}
}

func onePage[T any](ctx context.Context, send Sender, call Call, rows func(json.RawMessage) ([]T, error)) ([]T, *Answer, error) {
	answer, err := send(ctx, call)
	if err != nil {
		return nil, nil, err
	}
	page, err := rows(answer.Result)
	if err != nil {
		return nil, nil, fmt.Errorf("bitrix24 %s: read a page: %w", call.Method, err)
	}
	return page, answer, nil
}

// with is a copy of the call with some parameters replaced.
func (c Call) with(more Params) Call {
	params := maps.Clone(c.Params)
	if params == nil {
		params = Params{}
	}
	maps.Copy(params, more)
	return Call{Method: c.Method, Params: params}
}

// after is a copy of the call that asks for what follows an id.
func (c Call) after(keys Keys, id int64) Call {
	filter := Params{">" + keys.ID: id}
	switch f := c.Params[keys.Filter].(type) {
	case Params:
		maps.Copy(filter, f)
	case map[string]any:
		maps.Copy(filter, f)
	}
	c = c.with(keys.Order)
	return c.with(Params{keys.Filter: filter, "start": -1})
}

// DecodeList reads a result that is a list of rows.
func DecodeList[T any](result json.RawMessage) ([]T, error) {
	var rows List[T]
	err := json.Unmarshal(result, &rows)
	return rows, err
}

// Items reads the result of crm.item.list: {"items":[…]}.
func Items[T any](result json.RawMessage) ([]T, error) {
	var answer struct {
		Items List[T] `json:"items"`
	}
	err := json.Unmarshal(result, &answer)
	return answer.Items, err
}
