// Lint rules of the TypeScript workspace. Beyond the recommended set they forbid every way round the Trusted Types
// policy, and the one assignment that would let Firefox send plain media: `transform = null`.
import tseslint from 'typescript-eslint';

const assigned = (name) => ({
  selector: `AssignmentExpression[left.type="MemberExpression"][left.property.name="${name}"]`,
  message: `${name} parses markup from a string: build nodes instead.`,
});

const forbidden = [
  assigned('innerHTML'),
  assigned('outerHTML'),
  assigned('srcdoc'),
  {
    selector: 'JSXAttribute[name.name=/^(dangerouslySetInnerHTML|srcdoc|srcDoc)$/]',
    message: 'No markup from strings.',
  },
  {
    selector: 'Property[key.name="dangerouslySetInnerHTML"]',
    message: 'No markup from strings.',
  },
  {
    selector: 'CallExpression[callee.property.name=/^(insertAdjacentHTML|setHTMLUnsafe|createContextualFragment|parseFromString)$/]',
    message: 'No markup from strings.',
  },
  {
    selector: 'CallExpression[callee.object.name="document"][callee.property.name=/^(write|writeln)$/]',
    message: 'No markup from strings.',
  },
  {
    // A sender whose transform is null sends plain media in Firefox. A dead worker stops media; that is the safe end.
    selector: 'AssignmentExpression[left.type="MemberExpression"][left.property.name="transform"][right.type="Literal"][right.raw="null"]',
    message: 'transform = null is a way round the seal.',
  },
  {
    selector: 'AssignmentExpression[left.type="MemberExpression"][left.property.name="transform"][right.type="Identifier"][right.name="undefined"]',
    message: 'transform = undefined is a way round the seal.',
  },
  {
    selector: 'AssignmentExpression[left.type="MemberExpression"][left.computed=true][left.property.value="transform"]',
    message: 'Set transform by its name, so that the rule above sees it.',
  },
  {
    // The style attribute of server-sent HTML is refused by the CSP; preact sets it through CSSOM, which is allowed,
    // but a string would be set as an attribute.
    selector: 'JSXAttribute[name.name="style"][value.type="Literal"]',
    message: 'style takes an object or a class; a string is an inline style.',
  },
];

export default tseslint.config(
  { ignores: ['**/dist/**', '**/node_modules/**', 'build/**', 'bin/**', 'var/**', 'journeys/out/**'] },
  ...tseslint.configs.recommended,
  {
    files: ['**/*.{ts,tsx,js,mjs}'],
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      'no-eval': 'error',
      'no-implied-eval': 'error',
      'no-new-func': 'error',
      'no-script-url': 'error',
      'no-restricted-syntax': ['error', ...forbidden],
      'no-console': ['error', { allow: ['warn', 'error'] }],
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' }],
      '@typescript-eslint/no-non-null-assertion': 'off',
    },
  },
  {
    // Programs that talk to a terminal.
    files: ['build.mjs', '**/build.mjs', '**/*.test.ts', '**/test/**', '**/interop/**', 'journeys/**', 'bench/**'],
    rules: { 'no-console': 'off' },
  },
);
