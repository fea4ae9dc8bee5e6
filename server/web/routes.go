package web

import (
	"encoding/json"
	"io/fs"
	"net/http"

	"github.com/goccy/go-yaml"
	"github.com/gofiber/fiber/v2"
	"github.com/gofiber/fiber/v2/middleware/filesystem"
	"github.com/gofiber/fiber/v2/middleware/recover"

	_ "embed" // the description of the API
)

//go:embed api/openapi.yaml
var openapi []byte

// routes is the table of everything public (design section 6).
func (s *Server) routes() error {
	s.app.Use(recover.New())
	s.app.Use(s.waitOut)
	s.app.Use(safeHeaders)

	// Frames of the portal. Moderators and scanners come with GET and HEAD.
	s.app.Post("/bitrix24/install", s.frame(s.openInstaller))
	s.app.Post("/bitrix24/app", s.frame(s.openApp))
	s.app.Post("/placements/:name", s.frame(s.openPlacement))
	for _, path := range []string{"/bitrix24/install", "/bitrix24/app", "/placements/:name", "/bitrix24/events", "/bitrix24/robots/:code"} {
		s.app.Get(path, s.polite)
	}
	s.app.Get("/", s.polite)

	// What platforms send.
	s.app.Post("/bitrix24/events", s.event)
	s.app.Post("/bitrix24/robots/:code", s.robot)
	s.app.Get("/bitrix24/oauth/callback", s.consented)
	s.app.Get(consentScript, s.consentPageScript)
	s.app.All("/uis/:token/chat/*", s.chatWebhook)
	s.app.Post("/uis/:token/notifications", s.notification)
	s.app.Get("/uis/:token/manager", s.manager)
	s.app.Post("/uis/:token/manager", s.manager)

	s.app.Get("/files/:signed/:name", s.file)
	s.app.Get("/ws", s.socket)

	description, err := yaml.YAMLToJSON(openapi)
	if err != nil {
		return err
	}
	var compact map[string]any
	if err := json.Unmarshal(description, &compact); err != nil {
		return err
	}
	s.app.Get("/api/v1/openapi.json", func(c *fiber.Ctx) error { return c.JSON(compact) })
	s.app.Post("/api/v1/session", s.renewSession)
	s.api(s.app.Group("/api/v1", s.signedIn))

	assets, err := fs.Sub(s.Pages, ".")
	if err != nil {
		return err
	}
	s.app.Use("/ui", func(c *fiber.Ctx) error {
		c.Set(fiber.HeaderCacheControl, "public, max-age=31536000, immutable")
		c.Set(fiber.HeaderAccessControlAllowOrigin, "*")
		return c.Next()
	}, filesystem.New(filesystem.Config{Root: http.FS(assets)}))
	s.app.Use(func(*fiber.Ctx) error { return fiber.ErrNotFound })
	return nil
}

// api are the calls of the pages; what an administrator only may do stands behind admin.
func (s *Server) api(r fiber.Router) {
	r.Get("/me", s.me)
	r.Get("/health", s.health)
	r.Post("/health/test-event", admin(s.testEvent))

	r.Get("/settings", admin(s.getSettings))
	r.Put("/settings", admin(s.putSettings))
	r.Get("/settings/versions", admin(s.settingsVersions))
	r.Get("/history", admin(s.history))
	r.Post("/settings/versions/:n/restore", admin(s.restoreSettings))

	r.Get("/uis", admin(s.getUIS))
	r.Put("/uis", admin(s.putUIS))
	r.Delete("/uis", admin(s.deleteUIS))
	r.Get("/uis/notifications", admin(s.uisNotifications))

	r.Get("/portals", s.listPortals)
	r.Post("/portals", admin(s.addPortal))
	r.Patch("/portals/:id", admin(s.changePortal))
	r.Delete("/portals/:id", admin(s.removePortal))
	r.Post("/portals/:id/repair", admin(s.repairPortal))

	r.Get("/employees", s.listEmployees)
	r.Post("/employees/sync", admin(s.syncEmployees))
	r.Put("/employees/:user", admin(s.matchEmployee))
	r.Get("/jobs/:id", s.job)
	r.Get("/directories/:name", s.directory)
	r.Post("/directories/refresh", admin(s.refreshDirectories))

	r.Get("/communications", admin(s.communications))
	r.Get("/communications/:ref", admin(s.communication))
	r.Post("/communications/:ref/replay", admin(s.replay))

	r.Get("/chats", s.listChats)
	r.Post("/chats", s.startChat)
	r.Get("/chats/:id", s.getChat)
	r.Get("/chats/:id/messages", s.listMessages)
	r.Post("/chats/:id/messages", s.sendMessage)
	r.Post("/chats/:id/messages/:message/retry", s.retryMessage)
	r.Post("/chats/:id/accept", s.chatAction("chat.accept"))
	r.Post("/chats/:id/close", s.chatAction("chat.close"))
	r.Post("/chats/:id/transfer", s.chatAction("chat.transfer"))
	r.Post("/chats/:id/read", s.chatAction("chat.read"))
	r.Post("/files", s.upload)

	r.Get("/lines", admin(s.lines))
	r.Put("/lines/:line", admin(s.chooseLine))
	r.Delete("/lines/:line", admin(s.releaseLine))
	r.Get("/operations/lanes", admin(s.lanes))
	r.Get("/operations/requests", admin(s.requests))
	r.Get("/operations/requests/:id", admin(s.request))
	r.Get("/operations/commands", admin(s.commands))
	r.Post("/operations/commands/:id/retry", admin(s.retryCommand))
	r.Post("/operations/commands/:id/drop", admin(s.dropCommand))
	r.Get("/operations/events", admin(s.events))
	r.Post("/operations/events/:id/retry", admin(s.retryEvent))
	r.Post("/operations/events/:id/drop", admin(s.dropEvent))
}

// safeHeaders go with every answer; frame pages add who may frame them.
func safeHeaders(c *fiber.Ctx) error {
	c.Set("X-Content-Type-Options", "nosniff")
	c.Set("Referrer-Policy", "no-referrer")
	return c.Next()
}

// polite answers those who look at an address without posting into it.
func (s *Server) polite(c *fiber.Ctx) error {
	c.Set(fiber.HeaderContentType, "text/html; charset=utf-8")
	return c.SendString("<!doctype html><meta charset=utf-8><title>OMNI</title><p>" + s.Texts.Text(langOf(c), "page.inside_bitrix24"))
}
