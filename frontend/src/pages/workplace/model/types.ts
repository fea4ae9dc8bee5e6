import type { Schemas } from '@/api/client'

export type Chat = Schemas['Chat']
export type Message = Schemas['Message']
export type Me = Schemas['Me']
export type Channel = Schemas['Channel']
export type Abilities = Schemas['Abilities']
export type Counters = Schemas['ChatCounters']
export type ListName = Chat['list']
export type MessageStatus = Message['status']
export type EntityType = 'lead' | 'deal' | 'contact' | 'company'

/** A chat as the socket tells it to everybody: where it stands and what may be done is different for each person. */
export type SharedChat = Omit<Chat, 'list' | 'can'> & Partial<Pick<Chat, 'list' | 'can'>>
