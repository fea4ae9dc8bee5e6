import { startPage } from '@/shared/start'
import ConnectorPage from './ConnectorPage.vue'

void startPage(ConnectorPage)
