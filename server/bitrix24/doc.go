// Package bitrix24 is a client for Bitrix24 portals: OAuth, REST calls and batches with typed errors, limits as data, events and frames, and how the effect of each writing call is checked.
package bitrix24
