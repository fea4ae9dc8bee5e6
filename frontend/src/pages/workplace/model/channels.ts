import AvitoIcon from '@bitrix24/b24icons-vue/social/AvitoIcon'
import FacebookIcon from '@bitrix24/b24icons-vue/social/FacebookIcon'
import InstagramIcon from '@bitrix24/b24icons-vue/social/InstagramIcon'
import MailIcon from '@bitrix24/b24icons-vue/main/MailIcon'
import SmsIcon from '@bitrix24/b24icons-vue/main/SmsIcon'
import TelegramIcon from '@bitrix24/b24icons-vue/social/TelegramIcon'
import ViberIcon from '@bitrix24/b24icons-vue/social/ViberIcon'
import VkIcon from '@bitrix24/b24icons-vue/social/VkIcon'
import WhatsappIcon from '@bitrix24/b24icons-vue/social/WhatsappIcon'
import ChatMessageIcon from '@bitrix24/b24icons-vue/main/ChatMessageIcon'

export interface ChannelLook {
  icon: typeof WhatsappIcon
  colour: string
}

const looks: Record<string, ChannelLook> = {
  whatsapp: { icon: WhatsappIcon, colour: '#25d366' },
  waba: { icon: WhatsappIcon, colour: '#128c7e' },
  telegram: { icon: TelegramIcon, colour: '#2aabee' },
  telegram_private: { icon: TelegramIcon, colour: '#229ed9' },
  vkontakte_groups: { icon: VkIcon, colour: '#0077ff' },
  viber: { icon: ViberIcon, colour: '#7360f2' },
  avito: { icon: AvitoIcon, colour: '#00aaff' },
  facebook: { icon: FacebookIcon, colour: '#1877f2' },
  instagram: { icon: InstagramIcon, colour: '#e1306c' },
  sms: { icon: SmsIcon, colour: '#f7a700' },
  email: { icon: MailIcon, colour: '#8474c8' },
}

/** The sign of a channel. The list of types at UIS is open: whatever is new gets the sign of a chat. */
export function lookOf(type: string): ChannelLook {
  return looks[type] ?? { icon: ChatMessageIcon, colour: '#5b7fa6' }
}
