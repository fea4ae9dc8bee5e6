package portal

// seedUsers gives every portal its invented people: an administrator, two operators and an ordinary employee.
func seedUsers(c PortalConfig) []*User {
	if len(c.Users) > 0 {
		out := make([]*User, len(c.Users))
		for i := range c.Users {
			u := c.Users[i]
			out[i] = &u
		}
		return out
	}
	return []*User{
		{ID: 1, Name: "Анна", LastName: "Власова", Email: "anna.vlasova@gorizont.example", Position: "Администратор", InnerPhone: "101", Admin: true, Online: true, Departments: []int{1}, WorkDay: "OPENED"},
		{ID: 2, Name: "Павел", LastName: "Орлов", Email: "pavel.orlov@gorizont.example", Position: "Менеджер по продажам", InnerPhone: "102", Online: true, Departments: []int{2}, WorkDay: "OPENED"},
		{ID: 3, Name: "Мария", LastName: "Зимина", Email: "maria.zimina@gorizont.example", Position: "Специалист поддержки", InnerPhone: "103", Online: true, Departments: []int{3}, WorkDay: "OPENED"},
		{ID: 4, Name: "Oliver", LastName: "Stone", Email: "oliver.stone@gorizont.example", Position: "Accountant", Lang: "en", Departments: []int{1}, WorkDay: "CLOSED"},
	}
}

// seedDirectories fills stages, pipelines and sources.
func (p *Portal) seedDirectories() {
	add := func(entity string, category int, rows ...[4]string) {
		for i, r := range rows {
			p.crm.statuses = append(p.crm.statuses, &status{id: p.id("status"), entity: entity, code: r[0], name: r[1], sort: (i + 1) * 10, semantics: r[2], category: category,
				color: r[3], system: r[2] != "P"})
		}
	}
	add("STATUS", 0, [4]string{"NEW", "Не обработан", "P", "#00a9f4"}, [4]string{"IN_PROCESS", "В работе", "P", "#00c9fa"}, [4]string{"PROCESSED", "Обработан", "P", "#00d3e2"},
		[4]string{"JUNK", "Некачественный лид", "F", "#ff5752"}, [4]string{"CONVERTED", "Качественный лид", "S", "#7bd500"})
	add("DEAL_STAGE", 0, [4]string{"NEW", "Новая", "P", "#00a9f4"}, [4]string{"PREPARATION", "Подготовка документов", "P", "#00c9fa"}, [4]string{"EXECUTING", "В работе", "P", "#ffa900"},
		[4]string{"WON", "Сделка успешна", "S", "#7bd500"}, [4]string{"LOSE", "Сделка провалена", "F", "#ff5752"}, [4]string{"APOLOGY", "Анализ причины провала", "F", "#ff5752"})
	add("DEAL_STAGE_1", 1, [4]string{"C1:NEW", "Заявка", "P", "#00a9f4"}, [4]string{"C1:EXECUTING", "Обслуживание", "P", "#ffa900"}, [4]string{"C1:WON", "Решено", "S", "#7bd500"},
		[4]string{"C1:LOSE", "Отказ", "F", "#ff5752"})
	add("SOURCE", 0, [4]string{"CALL", "Звонок"}, [4]string{"EMAIL", "Электронная почта"}, [4]string{"WEB", "Веб-сайт"}, [4]string{"ADVERTISING", "Реклама"},
		[4]string{"PARTNER", "Существующий клиент"}, [4]string{"RECOMMENDATION", "По рекомендации"}, [4]string{"TRADE_SHOW", "Выставка"}, [4]string{"WEBFORM", "CRM-форма"},
		[4]string{"CALLBACK", "Обратный звонок"}, [4]string{"RC_GENERATOR", "Генератор продаж"}, [4]string{"STORE", "Интернет-магазин"}, [4]string{"OTHER", "Другое"})
	add("CONTACT_TYPE", 0, [4]string{"CLIENT", "Клиенты"}, [4]string{"SUPPLIER", "Поставщики"}, [4]string{"OTHER", "Другое"})
	add("DEAL_TYPE", 0, [4]string{"SALE", "Продажа"}, [4]string{"SERVICE", "Сервисное обслуживание"})
	add("COMPANY_TYPE", 0, [4]string{"CUSTOMER", "Клиент"}, [4]string{"PARTNER", "Партнёр"})
	p.crm.categories = []category{{0, "Общая"}, {1, "Сервис"}}
}

// seedCRM puts a few invented clients into the CRM, so that pages are not empty.
func (p *Portal) seedCRM() {
	phone := func(n string) *arr { return list(kv("typeId", "PHONE", "valueType", "MOBILE", "value", n)) }
	mail := func(a *arr, m string) *arr { return a.push(kv("typeId", "EMAIL", "valueType", "WORK", "value", m)) }
	add := func(typ int, f *arr) int {
		if typ == Lead && p.cfg.LeadsMode == Simple {
			return 0
		}
		it, err := p.addItem(typ, f, false, p.users[0].ID)
		if err != nil {
			panic("seed: " + err.Error())
		}
		return it.id
	}
	who := func(i int) int { return p.users[min(i, len(p.users)-1)].ID }
	company := add(Company, kv("title", "ООО «Северный ветер»", "assignedById", who(1), "fm", phone("+7 495 000-00-40")))
	ivan := add(Contact, kv("name", "Иван", "lastName", "Лесков", "sourceId", "CALL", "assignedById", who(1), "companyId", company, "fm", mail(phone("+7 900 000-00-41"), "ivan.leskov@client.example")))
	olga := add(Contact, kv("name", "Ольга", "lastName", "Рябинина", "sourceId", "WEB", "assignedById", who(2), "fm", phone("+7 900 000-00-42")))
	add(Deal, kv("title", "Поставка оборудования", "contactIds", list(ivan), "companyId", company, "opportunity", "480000", "stageId", "EXECUTING", "assignedById", who(1)))
	add(Deal, kv("title", "Сервисный договор", "contactIds", list(olga), "opportunity", "72000", "stageId", "C1:NEW", "assignedById", who(2)))
	add(Lead, kv("title", "Запрос с сайта", "name", "Тимур", "lastName", "Белов", "sourceId", "WEB", "assignedById", who(1), "fm", phone("+7 900 000-00-43")))
	add(Lead, kv("title", "Заявка на консультацию", "name", "Ева", "sourceId", "ADVERTISING", "stageId", "IN_PROCESS", "assignedById", who(2), "fm", mail(newArr(), "eva@client.example")))
}
