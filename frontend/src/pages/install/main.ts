import { startPage } from '@/shared/start'
import InstallPage from './InstallPage.vue'

void startPage(InstallPage)
