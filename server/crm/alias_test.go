package crm

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"omni/server/ids"
	"omni/server/store/storetest"
)

// TestOnePersonInSeveralChannelsAtOnce: all his first communications, worked at the same moment, ask the same client. A client who has been asked is not
// joined into another one: he may be planning already, and the other would plan the same once more.
func TestOnePersonInSeveralChannelsAtOnce(t *testing.T) {
	t.Parallel()
	db := storetest.New(t)
	const account, portal, persons, channels = ids.AccountID(1), ids.PortalID(1), 60, 4
	for p := range persons {
		asked := make([]ids.ClientID, channels)
		var all sync.WaitGroup
		for c := range channels {
			all.Add(1)
			go func() {
				defer all.Done()
				aliases := Aliases([]string{fmt.Sprintf("7900300%04d", p)}, nil, fmt.Sprintf("v-%d-%d", p, c), "")
				err := db.InAccount(t.Context(), account, func(ctx context.Context, tx pgx.Tx) error {
					var err error
					asked[c], err = ClientOf(ctx, tx, account, portal, time.Now(), aliases)
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}()
		}
		all.Wait()
		for _, client := range asked {
			require.Equal(t, asked[0], client, "person %d: %v", p, asked)
		}
	}
}
