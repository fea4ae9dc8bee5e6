// The parent side of the protocol between an application's frame and the portal's page.
(() => {
  'use strict';
  const P = window.Portal, body = document.body;

  for (const box of document.querySelectorAll('.appframe')) attach(box);

  function attach(box) {
    const sid = box.dataset.sid, code = box.dataset.code;
    const frame = document.getElementById('appframe_' + sid), form = document.getElementById('appform_' + sid);
    const origin = new URL(form.action).origin;
    const bound = {};

    const ask = async (what, params) => {
      const r = await fetch('/_frame/' + sid + '/' + what, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(params ?? {}) });
      if (!r.ok) throw new Error(what + ' ' + r.status);
      return r.json();
    };
    const widths = (p) => { const m = /^\/crm\/(company|contact|lead|deal)\/requisite\/\d+\//.exec(p); return m ? 950 : 0; };

    const api = {
      getInitData: async (_, cb) => cb(await ask('init')),
      setInstall: (p, cb) => cb(p),
      setInstallFinish: async () => { // no reply: the page saves, then opens anew
        await ask('finish');
        const u = new URL(location.href);
        u.searchParams.set('install_finished', 'Y');
        location.href = u;
      },
      refreshAuth: async (_, cb) => cb(await ask('refresh')),
      resizeWindow: (p, cb) => {
        if (!document.documentElement.classList.contains('in-slider')) {
          if (Number(p.height) > 0) frame.style.height = p.height + 'px';
          if (Number(p.width) > 0) frame.style.width = p.width + 'px';
        }
        cb({ width: frame.offsetWidth, height: frame.offsetHeight });
      },
      setTitle: (p, cb) => {
        if (code !== 'DEFAULT') return;
        document.title = p.title;
        const h = document.querySelector('.pagehead h1');
        if (h) h.textContent = p.title;
        cb(p);
      },
      setScroll: (p, cb) => cb(p),
      reloadWindow: () => location.reload(),
      setUserOption: async (p, cb) => cb(await ask('user-option', p)),
      setAppOption: async (p, cb) => { if (body.dataset.admin === 'true') cb(await ask('app-option', p)); },
      openApplication: (p, cb) => {
        const params = { ...p };
        const width = params.bx24_width;
        for (const k of Object.keys(params)) if (k.startsWith('bx24_')) delete params[k];
        const app = document.querySelector('.left a[data-menu^="app"]') || parent.document?.querySelector('.left a[data-menu^="app"]');
        const url = new URL(app ? app.getAttribute('href') : '/marketplace/app/1/', location.origin);
        url.searchParams.set('params', JSON.stringify(params));
        P.openSlider(url.pathname + url.search, width).then(() => cb());
      },
      closeApplication: (_, cb) => { cb(); P.closeSlider(); },
      openPath: (p, cb) => {
        const u = new URL(String(p.path), location.origin);
        if (u.origin !== location.origin || !/^\/(crm|contact_center|im|online|marketplace)\//.test(u.pathname)) return cb({ result: 'error', errorCode: 'PATH_NOT_AVAILABLE' });
        u.searchParams.set('from', 'rest_placement');
        P.openSlider(u.pathname + u.search, widths(String(p.path))).then(() => cb({ result: 'close' }));
      },
      selectUser: async (p, cb) => {
        const picked = await P.choose(body.dataset.chooseUser, await ask('users'), p.mult);
        cb(p.mult ? picked : picked[0]);
      },
      selectAccess: async (_, cb) => {
        const users = await ask('users');
        const rights = [{ id: 'AU', name: 'AU' }, { id: 'CR', name: 'CR' }, ...users.map((u) => ({ id: 'U' + u.id, name: u.name }))];
        cb(await P.choose(body.dataset.chooseAccess, rights, true));
      },
      selectCRM: async (p, cb) => {
        const out = {};
        for (const it of await P.choose(body.dataset.chooseCrm, await ask('crm', { entityType: p.entityType }), p.multiple)) {
          const b = (out[it.type] ??= {});
          b[Object.keys(b).length] = it;
        }
        cb(out);
      },
      imCallTo: () => {},
      imPhoneTo: (p) => P.toast(body.dataset.dial + ' ' + escape(p.phone)),
      imOpenMessenger: (p) => { P.toast(body.dataset.openChat + ' ' + escape(p.dialogId)); P.openSlider('/online/'); },
      imOpenHistory: () => {},
      showAppForm: () => {},
      getInterface: (_, cb) => cb({ command: Object.keys(placement), event: Object.keys(events) }),
      placementBindEvent: (p, cb) => { if (code !== 'DEFAULT') (bound[p.event] ??= []).push(cb); }, // the portal does not acknowledge
    };

    const noCard = (_, cb) => cb([{ result: 'error', errorCode: 'Call card is undefined' }]);
    const placement = {}, events = {};
    if (/^CRM_.*_DETAIL_TAB$/.test(code)) placement.reloadData = (_, cb) => { P.refreshLive(); cb({}); };
    if (code === 'PAGE_BACKGROUND_WORKER') for (const c of ['CallCardSetMute', 'CallCardSetHold', 'CallCardSetUiState', 'CallCardGetListUiStates', 'CallCardSetCardTitle', 'CallCardSetStatusText', 'CallCardStartTimer', 'CallCardClose']) placement[c] = noCard;

    addEventListener('message', (e) => {
      if (e.origin !== origin || e.source !== frame.contentWindow) return;
      let m, p = {}, key, from;
      if (typeof e.data === 'object' && e.data) {
        m = e.data.method; key = e.data.callback; from = e.data.appSid; p = e.data.params || {};
      } else {
        const r = String(e.data).split(':');
        if (r.length < 3) return;
        m = r[0]; from = r.at(-1); key = r.at(-2);
        const j = r.slice(1, -2).join(':');
        if (j) { try { p = JSON.parse(j); } catch { return; } }
      }
      const fn = Object.hasOwn(api, m) ? api[m] : Object.hasOwn(placement, m) ? placement[m] : null;
      if (from !== sid || !fn) return;
      const reply = (v) => frame.contentWindow.postMessage(key + ':' + (v === undefined ? '' : JSON.stringify(v)), origin);
      Promise.resolve(fn(p, reply)).catch((err) => console.error('portal frame', m, err));
    });

    // For tests and the console: raise an event of the placement; only its first argument survives.
    (window.PortalFrames ??= {})[sid] = { code, fire: (name, ...args) => (bound[name] || []).forEach((cb) => cb(args[0])), bound };

    frame.addEventListener('load', () => frame.classList.add('app-ready'));
    form.submit();
  }

  function escape(s) { const d = document.createElement('i'); d.textContent = String(s ?? ''); return d.innerHTML; }
})();
