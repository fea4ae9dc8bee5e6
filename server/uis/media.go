package uis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrMediaHost means that a recording's address is not on an allowed host; nothing was fetched.
var ErrMediaHost = errors.New("uis: media host not allowed")

// Download is a file on its way: read Body to its end or close it.
type Download struct {
	Body io.ReadCloser
	// Size is the length in bytes, -1 when not told.
	Size int64
	// ContentType is what the sender says; check it by content before serving the file to anyone.
	ContentType string
	// Status is 200, or 206 when a range was asked for and given.
	Status int
	// Range is the Content-Range of a 206.
	Range string
}

// MediaAllowed says whether a recording may be fetched from there: https on the brand's own hosts, or whatever Options.AllowMedia lets pass.
// The error is ErrMediaHost with the host, never with the path (it is the file's secret).
func (c *Client) MediaAllowed(u *url.URL) error {
	if c.allowMedia != nil && (u.Scheme == "http" || u.Scheme == "https") && c.allowMedia(u.Scheme, u.Host) {
		return nil
	}
	if u.Scheme == "https" && u.User == nil && (u.Port() == "" || u.Port() == "443") {
		host := strings.ToLower(u.Hostname())
		for _, allowed := range c.hosts.Media {
			if host == strings.TrimPrefix(allowed, ".") || (strings.HasPrefix(allowed, ".") && strings.HasSuffix(host, allowed)) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: %s://%s", ErrMediaHost, u.Scheme, u.Host)
}

// MediaURL reads a recording's link; a path without a host is one of the personal account. Reports of older pages show plain http links to the brand's own hosts; these are raised to https.
func (c *Client) MediaURL(link string) (*url.URL, error) {
	link = strings.TrimSpace(link)
	if strings.HasPrefix(link, "/") && !strings.HasPrefix(link, "//") {
		link = c.hosts.App + link
	}
	u, err := url.Parse(link)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%w: not a URL", ErrMediaHost)
	}
	err = c.MediaAllowed(u)
	if err != nil && u.Scheme == "http" {
		secure := *u
		secure.Scheme = "https"
		if c.MediaAllowed(&secure) == nil {
			return &secure, nil
		}
	}
	return u, err
}

// FetchMedia opens a recording or voice mail by its link. ranges is passed on as the Range header ("" for the whole file); the other side may
// ignore it. The body is streamed; it ends with ctx, not with the request limit.
func (c *Client) FetchMedia(ctx context.Context, link, ranges string) (*Download, error) {
	u, err := c.MediaURL(link)
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("%w: not a URL", ErrMediaHost)
	}
	if ranges != "" {
		r.Header.Set("Range", ranges)
	}
	return c.download(r, c.media, MediaAPI, "GET media")
}

// download opens a file and judges the status.
func (c *Client) download(r *http.Request, by *http.Client, api API, method string) (*Download, error) {
	x := Exchange{API: api, Method: method, Started: time.Now()}
	response, failure := c.open(r, by, api, method)
	if failure != nil {
		x.Err = failure
		c.report(r.Context(), x)
		return nil, failure
	}
	x.HTTP = response.StatusCode
	if response.StatusCode != http.StatusOK && response.StatusCode != http.StatusPartialContent {
		body, _ := io.ReadAll(io.LimitReader(response.Body, maxShown))
		_ = response.Body.Close()
		x.Err = restError(api, method, answer{status: response.StatusCode, body: body})
		c.report(r.Context(), x)
		return nil, x.Err
	}
	c.report(r.Context(), x)
	return &Download{
		Body: response.Body, Size: response.ContentLength, ContentType: response.Header.Get("Content-Type"),
		Status: response.StatusCode, Range: response.Header.Get("Content-Range"),
	}, nil
}
