// Small helpers on top of pages that work without them: what is going on is asked for again and again, and the
// review queue is worked through by keyboard. No other origin, no library.
'use strict'

const FRAGMENT = {'x-whet-fragment': '1'}

const watchWork = box => {
  const again = async () => {
    let over = false
    try {
      const answer = await fetch(box.dataset.poll, {headers: FRAGMENT})
      if (answer.ok) {
        const focused = document.activeElement && box.contains(document.activeElement)
        if (!focused) box.innerHTML = await answer.text()
        over = Boolean(box.querySelector('[data-over]'))
      }
    } catch { /* the application is being started anew: ask again */ }
    if (!over) setTimeout(again, 1000)
  }
  if (!box.querySelector('[data-over]')) setTimeout(again, 1000)
}

document.querySelectorAll('[data-poll]').forEach(watchWork)

// The review queue: a key, or two, decides; the answer brings the next item. What could not be sent stays on the
// screen with its key, and is one decision however often it is sent.
const review = box => {
  let busy = false, digits = '', timer = 0
  const form = () => box.querySelector('form.item')
  const say = text => {
    let line = box.querySelector('[role=alert]')
    if (!line) { line = document.createElement('p'); line.className = 'problem'; line.setAttribute('role', 'alert'); box.prepend(line) }
    line.textContent = text
  }
  const show = text => {
    const before = form() && form().dataset.item
    box.innerHTML = text
    const left = document.getElementById('left'), now = form() && form().dataset.item
    if (left && now !== before) left.textContent = Math.max(0, Number(left.textContent.replace(/,/g, '')) - 1).toLocaleString('en')
    if (!now && left) left.textContent = '0'
  }
  const send = async (verdict, output) => {
    const sheet = form()
    if (busy || !sheet) return
    const data = new URLSearchParams(new FormData(sheet))
    data.set('verdict', verdict)
    if (output !== undefined) data.set('output', output)
    if (verdict === 'correct' && !data.get('output').trim()) { sheet.elements.output.focus(); return }
    busy = true; box.classList.add('pending')
    try {
      const answer = await fetch(sheet.action, {method: 'POST', headers: FRAGMENT, body: data})
      if (answer.ok) show(await answer.text())
      else say(await answer.text())
    } catch { say('Not sent: the application does not answer. Press the key again.') }
    busy = false; box.classList.remove('pending'); digits = ''
  }
  const number = key => {
    const wanted = Number(form().dataset.digits)
    digits = (digits + key).slice(-wanted)
    clearTimeout(timer); timer = setTimeout(() => { digits = '' }, 1500)
    box.querySelectorAll('[data-number]').forEach(b => b.classList.toggle('chosen', digits && b.dataset.number.startsWith(digits)))
    if (digits.length < wanted) return
    const button = box.querySelector(`[data-number="${digits}"]`)
    digits = ''
    if (button) send('correct', button.value)
  }
  const to = name => { const field = form() && form().elements[name]; if (field) field.focus() }
  const keys = {a: () => send('accept'), r: () => send('reject'), s: () => send('skip'), c: () => to('output'), m: () => to('comment')}

  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || !form()) return
    const field = event.target.closest('input, textarea, select')
    if (field) {
      if (event.key === 'Escape') { field.blur(); event.preventDefault() }
      if (event.key === 'Enter' && !event.shiftKey) {
        event.preventDefault()
        if (field.name === 'output') send('correct')
        else field.blur()
      }
      return
    }
    if (/^[0-9]$/.test(event.key) && box.querySelector('[data-number]')) { event.preventDefault(); number(event.key); return }
    if (keys[event.key]) { event.preventDefault(); keys[event.key]() }
  })
  box.addEventListener('click', event => {
    const button = event.target.closest('button')
    if (!button || !form()) return
    event.preventDefault()
    if (button.name === 'choice') send('correct', button.value)
    else send(button.value)
  })
}

document.querySelectorAll('[data-review]').forEach(review)
