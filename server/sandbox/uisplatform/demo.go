package uisplatform

// DemoAccount is a complete invented account: four employees, nine channels, numbers, sites, campaigns, scenarios, tags, statuses and contacts. Change what a
// test needs before AddAccount. The key is "key-{name}", login and password are "{name}@uis.example" and "password-{name}".
func DemoAccount(name string) AccountConfig {
	return AccountConfig{
		Name: name, Title: "Ромашка (" + name + ")",
		APIKey: "key-" + name, Login: name + "@uis.example", Password: "password-" + name,
		Employees: []Employee{
			{ID: 1001, LastName: "Орлова", FirstName: "Марина", Email: "orlova@romashka.example", Login: "orlova", Phones: []string{"79000000101"}, Extension: "101", Operator: true, Groups: []int64{51}},
			{ID: 1002, LastName: "Соколов", FirstName: "Илья", Patronymic: "Андреевич", Email: "sokolov@romashka.example", Login: "sokolov", Phones: []string{"79000000102", "74950000102"}, Extension: "102", Operator: true, Groups: []int64{51, 52}},
			{ID: 1003, LastName: "Лебедева", FirstName: "Анна", Email: "lebedeva@romashka.example", Login: "lebedeva", Phones: []string{"79000000103"}, Extension: "103", Operator: true, Groups: []int64{52}},
			{ID: 1004, LastName: "Воронов", FirstName: "Пётр", Email: "voronov@romashka.example", Login: "voronov", Extension: "104"},
		},
		Groups: []Group{{ID: 51, Name: "Продажи", Phone: "501"}, {ID: 52, Name: "Поддержка", Phone: "502"}},
		Channels: []Channel{
			{ID: 20, Type: "whatsapp", Name: "WhatsApp продаж", ExternalID: "79000000020"},
			{ID: 21, Type: "telegram", Name: "Бот Ромашки", ExternalID: "romashka_demo_bot"},
			{ID: 22, Type: "telegram_private", Name: "Telegram Марины", ExternalID: "79000000022", Employee: 1001},
			{ID: 23, Type: "waba", Name: "WhatsApp Business", ExternalID: "79000000023", Templates: []Template{
				{ID: 701, Name: "hello", Text: "Здравствуйте! Ваш заказ готов."}, {ID: 702, Name: "reminder", Text: "Напоминаем о встрече."}}},
			{ID: 24, Type: "comagic", Name: "Чат на сайте"},
			{ID: 25, Type: "avito", Name: "Авито", ExternalID: "romashka"},
			{ID: 26, Type: "email", Name: "Почта", ExternalID: "info@romashka.example"},
			{ID: 27, Type: "sms", Name: "SMS", ExternalID: "ROMASHKA"},
			{ID: 28, Type: "vkontakte_groups", Name: "Сообщество ВК", ExternalID: "Ромашка"},
		},
		VirtualNumbers: []VirtualNumber{
			{ID: 31, Number: "74950000031", Name: "Основной", Scenario: 61},
			{ID: 32, Number: "74950000032", Name: "Реклама", Scenario: 62, Campaign: 71, CallTracking: true},
		},
		Sites:     []Site{{ID: 41, Domain: "romashka.example", Name: "Ромашка"}, {ID: 42, Domain: "shop.romashka.example", Name: "Магазин"}},
		Campaigns: []Campaign{{ID: -1, Name: "Посетители без рекламной кампании"}, {ID: 71, Name: "Весна", Site: 41}, {ID: 72, Name: "Поиск", Site: 42}},
		Scenarios: []Scenario{{ID: 61, Name: "Основной сценарий"}, {ID: 62, Name: "Рекламный сценарий"}},
		Tags:      []Tag{{ID: 81, Name: "Целевой"}, {ID: 82, Name: "Спам"}, {ID: 83, Name: "Системный", System: true}},
		Statuses: []Status{
			{ID: 91, Name: "Доступен", Mnemonic: "available", Color: "#48B985", InCalls: true, OutCalls: true, Worktime: true},
			{ID: 92, Name: "Перерыв", Mnemonic: "break", Color: "#F4B350", Worktime: true},
			{ID: 93, Name: "Не беспокоить", Mnemonic: "do_not_disturb", Color: "#E26D5C", OutCalls: true, Worktime: true},
			{ID: 94, Name: "Нет на месте", Mnemonic: "not_at_workplace", Color: "#9BA5AD", Worktime: true},
			{ID: 95, Name: "Нет на работе", Mnemonic: "not_at_work", Color: "#6C7780"},
			{ID: 96, Name: "Обучение", Color: "#7A6FF0", Worktime: true},
		},
		Contacts: []Contact{{ID: 11, LastName: "Кузнецова", FirstName: "Ольга", Phones: []string{"79000000011"}, Emails: []string{"olga@client.example"}, Manager: 1002}},
	}
}
