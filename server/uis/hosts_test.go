package uis_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"omni/server/uis"
)

func TestHostsOfEveryBrand(t *testing.T) {
	t.Parallel()
	for _, brand := range uis.Brands() {
		hosts, err := brand.Hosts()
		require.NoError(t, err, brand)
		require.Equal(t, brand, hosts.Brand)
		require.True(t, hosts.Offers(uis.DataAPI) && hosts.Offers(uis.CallAPI), brand)
		require.Equal(t, brand != uis.Novofon, hosts.Offers(uis.ChatsAPI), brand)
	}
	_, err := uis.Brand("acme").Hosts()
	require.ErrorIs(t, err, uis.ErrNotOffered)
}

// U1: the product says plainly what a brand lacks, also when a test overrides every address.
func TestNovofonHasNoChats(t *testing.T) {
	t.Parallel()
	hosts, err := uis.Novofon.Hosts()
	require.NoError(t, err)
	hosts, err = hosts.With(uis.Overrides{DataAPI: "http://127.0.0.1:1", Chats: "http://127.0.0.1:1", Adapter: "http://127.0.0.1:1", Login: "http://127.0.0.1:1"})
	require.NoError(t, err)
	require.Equal(t, "http://127.0.0.1:1/v2.0", hosts.DataAPI)
	client := uis.New(uis.Options{Hosts: hosts})

	_, err = client.Login(t.Context(), "u", "p")
	require.ErrorIs(t, err, uis.ErrNotOffered)
	_, err = client.Management("jwt").Adapters(t.Context())
	require.ErrorIs(t, err, uis.ErrNotOffered)
	session := client.NewAdapterSession(uis.AdapterCredentials{}, uis.AdapterToken{}, nil)
	_, err = session.SendMessage(t.Context(), uis.OutMessage{})
	require.ErrorIs(t, err, uis.ErrNotOffered)
	_, err = session.UploadResource(t.Context(), uis.Upload{})
	require.ErrorIs(t, err, uis.ErrNotOffered)
	_, err = session.FetchResource(t.Context(), 1, 2, uis.Resource{})
	require.ErrorIs(t, err, uis.ErrNotOffered)
	var typed *uis.NotOfferedError
	require.ErrorAs(t, err, &typed)
	require.Equal(t, uis.Novofon, typed.Brand)
	require.Equal(t, uis.NotExecuted, uis.ExecutedOf(err))
}

func TestOverrides(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		overrides uis.Overrides
		read      func(uis.Hosts) string
		want      string
	}{
		"nothing stays":           {uis.Overrides{}, func(h uis.Hosts) string { return h.DataAPI }, "https://dataapi.uiscom.ru/v2.0"},
		"data, full":              {uis.Overrides{DataAPI: "http://127.0.0.1:9000/data/v9"}, func(h uis.Hosts) string { return h.DataAPI }, "http://127.0.0.1:9000/data/v9"},
		"data, host only":         {uis.Overrides{DataAPI: "http://127.0.0.1:9000"}, func(h uis.Hosts) string { return h.DataAPI }, "http://127.0.0.1:9000/v2.0"},
		"call, host and slash":    {uis.Overrides{CallAPI: "http://127.0.0.1:9000/"}, func(h uis.Hosts) string { return h.CallAPI }, "http://127.0.0.1:9000/v4.0"},
		"chats, host only":        {uis.Overrides{Chats: "http://127.0.0.1:9000"}, func(h uis.Hosts) string { return h.Chats }, "http://127.0.0.1:9000/v1/"},
		"chats, no closing slash": {uis.Overrides{Chats: "http://127.0.0.1:9000/v1"}, func(h uis.Hosts) string { return h.Chats }, "http://127.0.0.1:9000/v1/"},
		"adapter, host only":      {uis.Overrides{Adapter: "http://127.0.0.1:9000"}, func(h uis.Hosts) string { return h.Adapter }, "http://127.0.0.1:9000/v1/adapter/"},
		"adapter, full":           {uis.Overrides{Adapter: "http://127.0.0.1:9000/x/adapter/"}, func(h uis.Hosts) string { return h.Adapter }, "http://127.0.0.1:9000/x/adapter/"},
		"login, host only":        {uis.Overrides{Login: "http://127.0.0.1:9000"}, func(h uis.Hosts) string { return h.Login }, "http://127.0.0.1:9000/api/auth/json_rpc?method=login"},
		"login, full":             {uis.Overrides{Login: "http://127.0.0.1:9000/login?x=1"}, func(h uis.Hosts) string { return h.Login }, "http://127.0.0.1:9000/login?x=1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			hosts, err := uis.UIS.Hosts()
			require.NoError(t, err)
			hosts, err = hosts.With(tc.overrides)
			require.NoError(t, err)
			require.Equal(t, tc.want, tc.read(hosts))
		})
	}
	hosts, err := uis.UIS.Hosts()
	require.NoError(t, err)
	for _, wrong := range []string{"127.0.0.1:9000", "ftp://host", "/v2.0", "http://[::1"} {
		_, err = hosts.With(uis.Overrides{CallAPI: wrong})
		require.ErrorContains(t, err, "CallAPI", wrong)
	}
}

func TestMediaAllowed(t *testing.T) {
	t.Parallel()
	hosts, err := uis.CoMagic.Hosts()
	require.NoError(t, err)
	client := uis.New(uis.Options{Hosts: hosts, AllowMedia: func(scheme, host string) bool { return scheme == "http" && host == "127.0.0.1:9001" }})
	for link, want := range map[string]string{
		"https://media.comagic.ru/1/abc":                  "https://media.comagic.ru/1/abc",
		"http://app.comagic.ru/system/media/talk/1/abc/":  "https://app.comagic.ru/system/media/talk/1/abc/",
		"http://127.0.0.1:9001/r.mp3":                     "http://127.0.0.1:9001/r.mp3",
		"https://media.comagic.ru.evil.example/1":         "",
		"https://evilcomagic.ru/1":                        "",
		"https://media.comagic.ru:8443/1":                 "",
		"https://u:p@media.comagic.ru/1":                  "",
		"/system/media/voice_mail/1/abc/":                 "https://app.comagic.ru/system/media/voice_mail/1/abc/",
		"http://127.0.0.1:9002/r.mp3":                     "",
		"file:///etc/passwd":                              "",
		"//media.comagic.ru/x":                            "",
		"not a url":                                       "",
		"https://media.callgear.com/1/secret-of-the-file": "",
	} {
		u, err := client.MediaURL(link)
		if want == "" {
			require.ErrorIs(t, err, uis.ErrMediaHost, link)
			require.NotContains(t, err.Error(), "secret", "the path is the file's secret")
			continue
		}
		require.NoError(t, err, link)
		require.Equal(t, want, u.String())
	}
}
