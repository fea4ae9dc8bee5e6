import { startPage } from '@/shared/start'
import CabinetPage from './CabinetPage.vue'

void startPage(CabinetPage)
