import { startPage } from '@/shared/start'
import WorkplacePage from './WorkplacePage.vue'

void startPage(WorkplacePage)
